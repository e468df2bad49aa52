"""Fills the cloud: accounts, networks, images, flavor, hosts."""

import ipaddress

from .api import Client, network
from .settings import APIS, BLAZAR, GLANCE, KEYSTONE, NOVA, cloud, node_uid, node_uids
from .waiting import until

IMAGE = b'not bootable' * 400
EXTRA_SPECS = {'resources:CUSTOM_BAREMETAL': '1', 'resources:VCPU': '0', 'resources:MEMORY_MB': '0', 'resources:DISK_GB': '0'}


def accounts() -> None:
    """Creates users and the catalog, which the other services need to start."""
    admin = Client()
    roles = {role['name']: role['id'] for role in admin.all(f'{KEYSTONE.internal}/roles')}
    projects = {
        name: admin.ensure(f'{KEYSTONE.internal}/projects', 'project', {'name': name, 'domain_id': 'default'})['id']
        for name in ['service', *cloud()['projects']]
    }
    members = {name: ('member', places) for name, places in cloud()['users'].items()}
    services = {api.name: ('admin', ['service']) for api in APIS if api is not KEYSTONE}
    for name, (role, places) in {**members, **services}.items():
        like = {'name': name, 'domain_id': 'default'}
        user = admin.ensure(f'{KEYSTONE.internal}/users', 'user', like, password=cloud()['password'])['id']
        for place in places:
            admin.call('PUT', f'{KEYSTONE.internal}/projects/{projects[place]}/users/{user}/roles/{roles[role]}')
    for api in APIS:
        service = admin.ensure(f'{KEYSTONE.internal}/services', 'service', {'type': api.kind, 'name': api.name})['id']
        for interface, url in {'public': api.public, 'internal': api.internal, 'admin': api.internal}.items():
            like = {'service_id': service, 'interface': interface, 'region_id': cloud()['region']}
            endpoint = admin.ensure(f'{KEYSTONE.internal}/endpoints', 'endpoint', like, url=url)
            if endpoint['url'] != url:
                admin.call('PATCH', f'{KEYSTONE.internal}/endpoints/{endpoint["id"]}', {'endpoint': {'url': url}})


def world() -> None:
    """Creates everything else. All services must be running."""
    admin = Client()
    public = _networks(admin)
    for image in cloud()['images']:
        _image(admin, **image)
    _flavor(admin)
    until('hypervisors', lambda: set(node_uids()) <= _hypervisors(admin))
    admin.ensure(f'{NOVA.internal}/os-aggregates', 'aggregate', {'name': 'freepool'})
    _hosts(admin)
    _leased_addresses(admin, public)
    _application_credentials()
    for user, projects in cloud()['users'].items():
        for project in projects:
            # Neutron creates a project's default group on the first request; the seed contains them all.
            Client(user, project).all(network('security-groups'))


def _networks(admin: Client) -> str:
    public, shared = cloud()['networks']['public'], cloud()['networks']['sharednet1']
    flat = {'provider:network_type': 'flat', 'shared': True}
    outer = admin.ensure(
        network('networks'), 'network', {'name': 'public'},
        **flat, **{'router:external': True, 'provider:physical_network': 'public'})['id']
    first, last = public['pool']
    admin.ensure(
        network('subnets'), 'subnet', {'name': 'public-subnet'}, network_id=outer, ip_version=4, cidr=public['cidr'],
        gateway_ip=public['gateway'], enable_dhcp=False, allocation_pools=[{'start': first, 'end': last}])
    inner = admin.ensure(
        network('networks'), 'network', {'name': 'sharednet1'}, **flat, **{'provider:physical_network': 'physnet1'})['id']
    subnet = admin.ensure(
        network('subnets'), 'subnet', {'name': 'sharednet1-subnet'}, network_id=inner, ip_version=4,
        cidr=shared['cidr'], gateway_ip=shared['gateway'])['id']
    router = admin.ensure(
        network('routers'), 'router', {'name': 'sharednet1-router'}, external_gateway_info={'network_id': outer})['id']
    admin.call('PUT', f'{network("routers")}/{router}/add_router_interface', {'subnet_id': subnet})
    return outer


def _image(admin: Client, name: str, deactivated: bool = False, **properties: str) -> None:
    made = admin.call('POST', f'{GLANCE.internal}/v2/images', {
        'name': name, 'visibility': 'public', 'disk_format': 'raw', 'container_format': 'bare', **properties})
    url = f'{GLANCE.internal}/v2/images/{made["id"]}'
    admin.call('PUT', f'{url}/file', data=IMAGE, headers={'Content-Type': 'application/octet-stream'})
    if deactivated:
        admin.call('POST', f'{url}/actions/deactivate')


def _flavor(admin: Client) -> None:
    flavor = {'name': 'baremetal', 'id': 'baremetal', 'vcpus': 1, 'ram': 1, 'disk': 20}
    admin.call('POST', f'{NOVA.internal}/flavors', {'flavor': flavor})
    admin.call('POST', f'{NOVA.internal}/flavors/baremetal/os-extra_specs', {'extra_specs': EXTRA_SPECS})


def _hypervisors(admin: Client) -> set[str]:
    return {found['hypervisor_hostname'] for found in admin.all(f'{NOVA.internal}/os-hypervisors')}


def _hosts(admin: Client) -> None:
    for index, node in enumerate(cloud()['nodes']):
        uid = node_uid(index)
        admin.call('POST', f'{BLAZAR.internal}/os-hosts', {
            'name': uid, 'uid': uid, 'node_name': node['name'], 'node_type': node['type'],
            'placement.node': node['name'], 'placement.rack': node['rack'],
            **capabilities(cloud()['node_types'][node['type']])})


def capabilities(facts: dict) -> dict[str, str]:
    """Capabilities of a node type in the form of Chameleon's Blazar: flat, all values text."""
    gpu = facts.get('gpu')
    return {
        'architecture.platform_type': 'x86_64',
        'architecture.smp_size': str(facts['sockets']),
        'architecture.smt_size': str(facts['threads']),
        'main_memory.ram_size': str(facts['ram_gib'] << 30),
        'main_memory.humanized_ram_size': f'{facts["ram_gib"]} GiB',
        'su_factor': facts['su_factor'],
        'gpu.gpu': str(bool(gpu)),
        **({'gpu.gpu_count': str(gpu['count']), 'gpu.gpu_model': gpu['model'], 'gpu.gpu_vendor': 'NVIDIA'} if gpu else {}),
    }


def _leased_addresses(admin: Client, public: str) -> None:
    first, last = (int(ipaddress.ip_address(one)) for one in cloud()['networks']['public']['leased'])
    for address in range(first, last + 1):
        admin.call('POST', f'{BLAZAR.internal}/floatingips', {
            'floating_network_id': public, 'floating_ip_address': str(ipaddress.ip_address(address))})


def _application_credentials() -> None:
    for wanted in cloud()['application_credentials']:
        user = Client(wanted['user'], wanted['project'])
        user.call('POST', f'{KEYSTONE.internal}/users/{user.user}/application_credentials', {'application_credential': {
            key: wanted[key] for key in ('name', 'secret', 'unrestricted')}})
