"""Restores the seeded state in place: first through the APIs, so that the services notice, then in the databases."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from . import databases, knobs
from .api import Client, Refused, network
from .settings import BLAZAR, NOVA, PIDS, cloud
from .waiting import until

# Services that cache these tables and must restart after a restore.
HELD = {
    'keystone': ['user', 'local_user', 'password', 'project', 'role', 'assignment', 'endpoint'],
    'nova_api': ['aggregates', 'aggregate_hosts'],
}
HOLDERS = {'keystone': 'keystone', 'nova_api': 'nova-scheduler'}


def main() -> None:
    knobs.clear()
    admin = Client()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda it: _delete(admin, f'{NOVA.internal}/servers/{it["id"]}'), _servers(admin)))
        list(pool.map(lambda it: _delete(admin, f'{network("floatingips")}/{it["id"]}'), admin.all(network('floatingips'))))
    until('end of all servers', lambda: not _servers(admin), 120)
    for user, project in {project: (user, project) for user, own in cloud()['users'].items() for project in own}.values():
        member = Client(user, project)
        for lease in member.all(f'{BLAZAR.internal}/leases'):
            _delete(member, f'{BLAZAR.internal}/leases/{lease["id"]}')
    restored = databases.restore()
    for service in sorted({HOLDERS[schema] for schema, tables in HELD.items() for name in tables if f'{schema}.{name}' in restored}):
        _start_again(service)


def _servers(admin: Client) -> list[dict]:
    return admin.all(f'{NOVA.internal}/servers', all_tenants='1')


def _delete(client: Client, url: str) -> None:
    try:
        client.call('DELETE', url)
    except Refused as refused:
        if refused.status != 404:
            print(refused, flush=True)


def _start_again(service: str) -> None:
    """Kills a service. The first process starts it again."""
    old = (PIDS / service).read_text()
    os.killpg(int(old), signal.SIGKILL)
    until(service, lambda: (PIDS / service).exists() and (PIDS / service).read_text() != old)
    answering: Callable[[], bool] = lambda: bool(Client().all(f'{NOVA.internal}/servers') is not None)
    until('answer', answering)


if __name__ == '__main__':
    main()
