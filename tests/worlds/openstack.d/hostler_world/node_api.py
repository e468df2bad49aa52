"""Chameleon's reference API: linked documents for sites, clusters and nodes."""

import json
from typing import Any

from .settings import cloud, node_uid

Json = dict[str, Any]
COLLECTION, ITEM = (f'application/vnd.grid5000.{kind}+json' for kind in ('collection', 'item'))
VERSION = '5f1d7c2e4b6a8f90c3d5e7f9a1b2c4d6e8f00213'
HEADERS = [('Content-Type', 'application/json')]


def answer(method: str, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of the response to one request."""
    parts = [part for part in path.split('?')[0].removesuffix('.json').split('/') if part]
    status, document = (405, {'error': 'method not allowed'}) if method not in ('GET', 'HEAD') else _document(parts)
    return status, HEADERS, json.dumps(document, indent=2).encode()


def _document(parts: list[str]) -> tuple[int, Json]:
    sites = {site['uid']: site for site in cloud()['sites']}
    match parts:
        case []:
            return 200, _item({'type': 'grid', 'uid': 'chameleoncloud'}, '', 'sites')
        case ['sites']:
            return 200, _collection('/sites', [_site(site) for site in sites.values()])
        case ['sites', uid] if uid in sites:
            return 200, _site(sites[uid])
        case ['sites', uid, *_] if uid in sites and not sites[uid]['alive']:
            return 503, {'code': 503, 'message': 'Service Unavailable'}
        case ['sites', uid, 'clusters'] if uid in sites:
            return 200, _collection(f'/sites/{uid}/clusters', [_cluster(uid)])
        case ['sites', uid, 'clusters', 'chameleon'] if uid in sites:
            return 200, _cluster(uid)
        case ['sites', uid, 'clusters', 'chameleon', 'nodes', *rest] if uid in sites and len(rest) < 2:
            nodes = [_node(uid, index) for index in range(len(cloud()['nodes']))]
            if not rest:
                return 200, _collection(f'/sites/{uid}/clusters/chameleon/nodes', nodes)
            for node in nodes:
                if rest == [node['uid']]:
                    return 200, node
    return 404, {'code': 404, 'message': 'Not Found'}


def _site(site: Json) -> Json:
    facts = {
        'type': 'site', 'uid': site['uid'], 'name': site['name'], 'site_class': 'baremetal', 'description': 'A site that is not there',
        'location': 'Nowhere', 'latitude': 0.0, 'longitude': 0.0, 'web': f'https://{site["uid"]}.example.org',
    }
    return _item(facts, f'/sites/{site["uid"]}', 'clusters')


def _cluster(site: str) -> Json:
    facts = {'type': 'cluster', 'uid': 'chameleon', 'queues': ['admin', 'default'], 'created_at': 'Mon, 15 Jun 2015 16:00:00 GMT'}
    return _item(facts, f'/sites/{site}/clusters/chameleon', 'nodes')


def _node(site: str, index: int) -> Json:
    node, uid = cloud()['nodes'][index], node_uid(index)
    facts = cloud()['node_types'][node['type']]
    model = facts['processor']
    return _item({
        'type': 'node', 'uid': uid, 'node_name': node['name'], 'node_type': node['type'],
        'architecture': {'platform_type': 'x86_64', 'smp_size': facts['sockets'], 'smt_size': facts['threads']},
        'bios': {'release_date': '2024-08-09', 'vendor': 'Dell', 'version': '2.22.1'},
        'chassis': {'manufacturer': 'Dell', 'name': 'PowerEdge R740', 'serial': f'WORLD{index + 1:02d}'},
        'gpu': _gpu(facts.get('gpu')),
        'infiniband': False,
        'main_memory': {'humanized_ram_size': f'{facts["ram_gib"]} GiB', 'ram_size': facts['ram_gib'] << 30},
        'monitoring': {'wattmeter': False},
        'network_adapters': [{
            'device': 'eno1', 'driver': 'i40e', 'enabled': True, 'interface': 'Ethernet', 'mac': f'02:00:00:00:00:{index + 1:02x}',
            'model': 'Ethernet Controller X710 for 10GbE SFP+', 'rate': 10_000_000_000, 'vendor': 'Intel'}],
        'placement': {'node': node['name'], 'rack': node['rack']},
        'processor': {
            'clock_speed': facts['clock_speed'], 'instruction_set': 'x86_64', 'model': model, 'vendor': model.split('(')[0].split()[0],
            'cache_l1d': 32768, 'cache_l1i': 32768, 'cache_l2': 1048576, 'cache_l3': 19922944},
        'storage_devices': [_disk(place, size) for place, size in enumerate(facts['disks'])],
        'supported_job_types': {'besteffort': False, 'deploy': True, 'virtual': 'ivt'},
    }, f'/sites/{site}/clusters/chameleon/nodes/{uid}')


def _gpu(gpu: Json | None) -> Json:
    if gpu is None:
        return {'gpu': False}
    # The name in the PCI ID list; Blazar's hosts have the short one.
    return {'gpu': True, 'gpu_count': gpu['count'], 'gpu_model': gpu['pci_name'], 'gpu_vendor': 'NVIDIA'}


def _disk(place: int, size: int) -> Json:
    return {
        'device': f'sd{chr(ord("a") + place)}', 'humanized_size': f'{size // 10**9} GB', 'interface': 'SATA', 'size': size,
        'media_type': 'SSD' if place == 0 else 'Rotational', 'model': 'DISK', 'serial': f'D{place}', 'vendor': 'World'}


def _item(facts: Json, href: str, below: str | None = None) -> Json:
    parent = '/'.join(href.split('/')[:-2]) or '/'
    links = [{'rel': 'self', 'type': ITEM, 'href': href or '/'}, {'rel': 'parent', 'type': ITEM, 'href': parent}]
    if below:
        links.insert(0, {'rel': below, 'type': COLLECTION, 'href': f'{href}/{below}'})
    return {**facts, 'version': VERSION, 'links': links}


def _collection(href: str, items: list[Json]) -> Json:
    parent = href.rsplit('/', 1)[0] or '/'
    links = [{'rel': 'self', 'type': COLLECTION, 'href': href}, {'rel': 'parent', 'type': ITEM, 'href': parent}]
    return {'total': len(items), 'offset': 0, 'items': items, 'version': VERSION, 'links': links}
