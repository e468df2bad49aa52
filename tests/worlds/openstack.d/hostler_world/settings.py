"""Paths, ports and the content of the seed."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

AT = Path('/run/hostler-world')
ETC = AT / 'etc'
LOG = AT / 'log'
KNOBS = AT / 'knobs'
PIDS = AT / 'pids'
DATABASE_SOCKET = AT / 'database.sock'

RABBIT_PORT = 5672
DATABASES = ['keystone', 'placement', 'glance', 'neutron', 'nova_api', 'nova_cell0', 'nova', 'blazar']


@dataclass(frozen=True)
class Api:
    """A service with an HTTP API. Users connect to the front door; services connect to each other directly."""

    name: str
    kind: str
    port: int
    path: str

    @property
    def behind(self) -> int:
        return self.port + 20000

    @property
    def public(self) -> str:
        return f'http://127.0.0.1:{self.port}{self.path}'

    @property
    def internal(self) -> str:
        return f'http://127.0.0.1:{self.behind}{self.path}'


KEYSTONE = Api('keystone', 'identity', 5000, '/v3')
PLACEMENT = Api('placement', 'placement', 8778, '')
GLANCE = Api('glance', 'image', 9292, '')
NEUTRON = Api('neutron', 'network', 9696, '')
NOVA = Api('nova', 'compute', 8774, '/v2.1')
BLAZAR = Api('blazar', 'reservation', 1234, '/v1')
APIS = [KEYSTONE, PLACEMENT, GLANCE, NEUTRON, NOVA, BLAZAR]
# Chameleon's reference API, served by the front door itself.
NODE_API = Api('nodes', 'nodes', 8088, '')


@cache
def cloud() -> dict[str, Any]:
    """Content of cloud.json."""
    return json.loads((Path(__file__).parent.parent / 'cloud.json').read_text())


def node_uid(index: int) -> str:
    """Id of the node at this index, which is also the name of its hypervisor."""
    return f'{index + 1:08x}-aaaa-4000-8000-{index + 1:012x}'


def node_uids() -> list[str]:
    return [node_uid(index) for index in range(len(cloud()['nodes']))]
