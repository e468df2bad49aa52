"""Knobs that change the cloud through its API, as an administrator."""

from .api import Client, fail, network
from .settings import KEYSTONE, NEUTRON, NOVA, cloud

OF_NOVA = {'instances', 'cores', 'ram', 'key_pairs', 'metadata_items', 'server_groups'}
EMPTY = 'public-empty'


def quota(project: str, limits: dict[str, str]) -> None:
    admin = Client()
    found = admin.all(f'{KEYSTONE.internal}/projects', name=project)
    if not found:
        fail(f'no project {project}')
    numbers = {name: int(limit) for name, limit in limits.items()}
    for_nova = {name: limit for name, limit in numbers.items() if name in OF_NOVA}
    for_neutron = {name: limit for name, limit in numbers.items() if name not in OF_NOVA}
    if for_nova:
        admin.call('PUT', f'{NOVA.internal}/os-quota-sets/{found[0]["id"]}', {'quota_set': {**for_nova, 'force': True}})
    if for_neutron:
        admin.call('PUT', f'{NEUTRON.internal}/v2.0/quotas/{found[0]["id"]}', {'quota': for_neutron})


def floating_addresses(how: str) -> None:
    admin = Client()
    [subnet] = admin.all(network('subnets'), name='public-subnet')
    first, last = cloud()['networks']['public']['pool']
    if how == 'none':
        # The router's address is in use and must stay in the pool.
        [router] = admin.all(network('routers'), name='sharednet1-router')
        first = last = router['external_gateway_info']['external_fixed_ips'][0]['ip_address']
    pools = {'allocation_pools': [{'start': first, 'end': last}]}
    admin.call('PUT', f'{network("subnets")}/{subnet["id"]}', {'subnet': pools})


def empty_network(how: str) -> None:
    admin = Client()
    for there in admin.all(network('networks'), name=EMPTY):
        for port in admin.all(network('ports'), network_id=there['id']):
            admin.call('DELETE', f'{network("ports")}/{port["id"]}')
        admin.call('DELETE', f'{network("networks")}/{there["id"]}')
    if how == 'off':
        return
    made = admin.call('POST', network('networks'), {'network': {
        'name': EMPTY, 'router:external': True, 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1',
        'provider:segmentation_id': 3199}})['network']['id']
    only = '198.19.1.2'
    admin.call('POST', network('subnets'), {'subnet': {
        'name': f'{EMPTY}-subnet', 'network_id': made, 'ip_version': 4, 'cidr': '198.19.1.0/29', 'enable_dhcp': False,
        'allocation_pools': [{'start': only, 'end': only}]}})
    admin.call('POST', network('ports'), {'port': {'network_id': made, 'name': 'takes-the-last-address'}})
