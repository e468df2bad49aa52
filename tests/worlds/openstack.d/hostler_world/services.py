"""Processes of the world and their command lines."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import requests

from .settings import AT, DATABASE_SOCKET, ETC, KEYSTONE, LOG, PIDS, PLACEMENT, RABBIT_PORT

VENV = Path(sys.prefix)
GUNICORN = [f'{VENV}/bin/gunicorn', '--worker-class', 'gthread', '--workers', '1', '--threads', '8', '--keep-alive', '30', '--timeout', '120']
NOVA_CONF = ['--config-file', f'{ETC}/nova.conf']
BLAZAR_CONF = ['--config-file', f'{ETC}/blazar/blazar.conf']


@dataclass(frozen=True)
class Service:
    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    def start(self) -> subprocess.Popen[bytes]:
        """Starts it in a new session and records its process id."""
        with (LOG / f'{self.name}.log').open('ab') as log:
            process = subprocess.Popen(
                self.command, env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True)
        PIDS.mkdir(exist_ok=True)
        (PIDS / self.name).write_text(f'{process.pid}\n')
        return process


def _script(name: str, *arguments: str) -> Service:
    return Service(name, [f'{VENV}/bin/{name}', *arguments])


def _module(name: str, module: str, *arguments: str) -> Service:
    return Service(name, [sys.executable, '-m', f'hostler_world.{module}', *arguments])


DATABASE = Service('mariadb', [
    'mariadbd', '--no-defaults', '--user=root', f'--datadir={AT}/database', f'--socket={DATABASE_SOCKET}', '--skip-networking',
    f'--pid-file={AT}/mariadb.pid', '--max-connections=600', '--innodb-buffer-pool-size=128M', '--innodb-log-file-size=32M',
    # The state ends with the world: skip durability.
    '--innodb-flush-method=nosync', '--innodb-flush-log-at-trx-commit=0', '--innodb-doublewrite=0', '--skip-log-bin',
    '--performance-schema=0', '--character-set-server=utf8mb3', '--collation-server=utf8mb3_general_ci',
])
RABBIT = Service('rabbitmq', ['/usr/lib/rabbitmq/bin/rabbitmq-server'], {
    'RABBITMQ_NODENAME': 'world@localhost', 'RABBITMQ_NODE_PORT': str(RABBIT_PORT), 'RABBITMQ_NODE_IP_ADDRESS': '127.0.0.1',
    'RABBITMQ_MNESIA_BASE': f'{AT}/rabbitmq', 'RABBITMQ_LOG_BASE': f'{LOG}/rabbitmq', 'RABBITMQ_LOGS': '-',
    'RABBITMQ_CONF_ENV_FILE': '/dev/null', 'RABBITMQ_CONFIG_FILE': f'{ETC}/rabbitmq',
    'RABBITMQ_ENABLED_PLUGINS_FILE': f'{ETC}/rabbitmq-plugins', 'ERL_EPMD_ADDRESS': '127.0.0.1',
    # Few schedulers that sleep when idle: the whole world has two cores.
    'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS':
        '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none +A 16 -kernel inet_dist_use_interface {127,0,0,1}',
})
FRONT = _module('front', 'front')
# The other services query these two when they start.
FIRST = [
    Service('keystone', [*GUNICORN, '-b', f'127.0.0.1:{KEYSTONE.behind}', 'hostler_world.plug.keystone:application'],
            {'OS_KEYSTONE_CONFIG_FILES': f'{ETC}/keystone.conf'}),
    Service('placement', [*GUNICORN, '-b', f'127.0.0.1:{PLACEMENT.behind}', 'placement.wsgi:init_application()'],
            {'OS_PLACEMENT_CONFIG_DIR': str(ETC)}),
]
OTHERS = [
    _script('nova-conductor', *NOVA_CONF),
    _script('neutron-server', '--config-file', f'{ETC}/neutron.conf'),
    _module('nova-compute', 'plug.computes', *NOVA_CONF),
    _script('nova-scheduler', *NOVA_CONF),
    _script('nova-api', *NOVA_CONF),
    _script('glance-api', '--config-file', f'{ETC}/glance.conf'),
    _script('blazar-api', *BLAZAR_CONF),
    _module('blazar-manager', 'plug.leases', *BLAZAR_CONF),
]
ALL = [DATABASE, RABBIT, FRONT, *FIRST, *OTHERS]


def prepare_rabbit() -> None:
    (ETC / 'rabbitmq-plugins').write_text('[].\n')
    (ETC / 'rabbitmq.conf').write_text('vm_memory_high_watermark.absolute = 1GB\ndisk_free_limit.absolute = 50MB\n')


def answers(url: str) -> Callable[[], bool]:
    """True if the URL returns any response."""
    return lambda: requests.get(url, timeout=5, proxies={'http': ''}) is not None
