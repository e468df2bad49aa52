"""The first process of the world: starts all services and restarts those that exit."""

import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

from . import clients, config, databases, knobs, seed, services
from .api import Client
from .services import DATABASE, Service
from .settings import APIS, AT, BLAZAR, KEYSTONE, NOVA, PIDS, cloud, node_uids
from .waiting import until

# Directories of the state that make up the seed.
SEEDED = ['database', 'keys', 'glance']
# After this many exits a restart is unlikely to help.
RESTARTS = 20
DIRECTORIES = ['nova/instances', 'nova/lock', 'neutron/lock', 'glance', 'log/rabbitmq']

running: dict[int, Service] = {}


def main() -> None:
    try:
        bring_up(Path(sys.argv[1]))
    except Exception:
        traceback.print_exc()
        (AT / 'failed').touch()
        return
    (AT / 'ready').write_text(f'OpenStack 2023.1 at {KEYSTONE.public}, region {cloud()["region"]}, {len(cloud()["nodes"])} hosts\n')
    keep_up()


def bring_up(kept: Path) -> None:
    config.write(str(services.VENV))
    services.prepare_rabbit()
    for name in DIRECTORIES:
        (AT / name).mkdir(parents=True, exist_ok=True)
    seeded = kept.is_dir()
    if seeded:
        subprocess.run(['cp', '-a', '--reflink=auto', *(kept / name for name in SEEDED), AT], check=True)
    else:
        databases.install()
    start(services.RABBIT)
    start(DATABASE)
    until('database', databases.answers)
    if not seeded:
        databases.schemas()
        say('schemas')
    started = time.time()
    start(services.FRONT)
    for service in services.FIRST:
        start(service)
    until('keystone', services.answers(KEYSTONE.internal))
    if not seeded:
        seed.accounts()
        say('accounts')
    for service in services.OTHERS:
        start(service)
    for api in APIS:
        until(api.name, services.answers(api.internal))
    say('services')
    if not seeded:
        until('lease manager', lambda: Client().all(f'{BLAZAR.internal}/os-hosts') == [])
        seed.world()
        say('world')
        started = keep_seed(kept)
    until('heartbeats', lambda: beating(started))
    until('lease manager', lambda: len(Client().all(f'{BLAZAR.internal}/os-hosts')) == len(node_uids()))
    clients.write()
    say('ready')


def say(what: str) -> None:
    print(f'{time.monotonic() - START:6.1f} s  {what}', flush=True)


def start(service: Service) -> None:
    running[service.start().pid] = service


def beating(since: float) -> bool:
    """True if all parts of Nova sent a heartbeat after `since`. Nova reports a dead service as up for a minute."""
    newer = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(since))
    found = [
        service for service in Client().all(f'{NOVA.internal}/os-services')
        if service['state'] == 'up' and (service['updated_at'] or '') > newer
    ]
    computes = {service['host'] for service in found if service['binary'] == 'nova-compute'}
    return computes >= set(node_uids()) and {'nova-conductor', 'nova-scheduler'} <= {service['binary'] for service in found}


def keep_seed(kept: Path) -> float:
    """Saves the seed, for resets of this world and for later worlds. Returns the time when the services resumed."""
    databases.remember()
    others = [pid for pid, service in running.items() if service not in (DATABASE, services.RABBIT)]
    for pid in others:
        os.killpg(pid, signal.SIGSTOP)
    [database] = [pid for pid, service in running.items() if service is DATABASE]
    os.kill(database, signal.SIGTERM)
    os.waitpid(database, 0)
    del running[database]
    new = kept.with_suffix('.new')
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    subprocess.run(['cp', '-a', '--reflink=auto', *(AT / name for name in SEEDED), new], check=True)
    new.rename(kept)
    start(DATABASE)
    until('database', databases.answers)
    for pid in others:
        os.killpg(pid, signal.SIGCONT)
    return time.time()


def keep_up() -> None:
    ends = 0
    signal.signal(signal.SIGUSR1, lambda *_: start_missing())
    while True:
        pid, status = os.wait()
        service = running.pop(pid, None)
        if service is None:
            continue  # an orphan
        say(f'{service.name} ended with {os.waitstatus_to_exitcode(status)}')
        (PIDS / service.name).unlink(missing_ok=True)
        ends += 1
        if ends <= RESTARTS:
            start_missing()


def start_missing() -> None:
    names = {service.name for service in running.values()} | knobs.stopped()
    for service in services.ALL:
        if service.name not in names:
            start(service)


START = time.monotonic()
if __name__ == '__main__':
    main()
