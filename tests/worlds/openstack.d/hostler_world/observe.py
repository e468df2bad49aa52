"""Prints all resources of all projects. Equal states give equal text."""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from .api import Client, network
from .settings import BLAZAR, GLANCE, KEYSTONE, NOVA, cloud

Json = dict[str, Any]
# Fields that change without a request.
RESTLESS = {'updated_at', 'updated', 'progress', 'revision_number', 'created_at', 'OS-EXT-STS:power_state'}
TAGS = {'X-OpenStack-Nova-API-Version': '2.79'}


def everything() -> dict[str, list[Json]]:
    """Resources by kind. Blazar lists one project only, even for administrators: query it as a member of each."""
    with ThreadPoolExecutor(8) as pool:
        admin = Client()
        projects = {project['id']: project['name'] for project in admin.all(f'{KEYSTONE.internal}/projects')}
        members = list(pool.map(lambda of: Client(*of), _members()))
        users = [user for user in admin.all(f'{KEYSTONE.internal}/users') if user['name'] in cloud()['users']]
        asked: dict[str, list[Callable[[], list[Json]]]] = {
            'servers': [lambda: _servers(admin)],
            'leases': [partial(member.all, f'{BLAZAR.internal}/leases') for member in members],
            'allocations': [lambda: _allocations(admin)],
            'floating_ips': [lambda: admin.all(network('floatingips'))],
            'keypairs': [partial(_keypairs, admin, user) for user in users],
            'ports': [lambda: admin.all(network('ports'))],
            'security_groups': [lambda: admin.all(network('security-groups'))],
            'networks': [lambda: admin.all(network('networks'))],
            'subnets': [lambda: admin.all(network('subnets'))],
            'routers': [lambda: admin.all(network('routers'))],
            'images': [lambda: admin.all(f'{GLANCE.internal}/v2/images', limit='1000')],
            'application_credentials': [
                partial(admin.all, f'{KEYSTONE.internal}/users/{user["id"]}/application_credentials') for user in users],
        }
        answers = {kind: [pool.submit(question) for question in questions] for kind, questions in asked.items()}
        return {
            kind: _tidy((found for answer in parts for found in answer.result()), projects) for kind, parts in answers.items()
        }


def _members() -> list[tuple[str, str]]:
    """One user and project for each project."""
    found = {project: user for user, projects in cloud()['users'].items() for project in projects}
    return [('admin', 'admin'), *((user, project) for project, user in found.items())]


def _servers(admin: Client) -> list[Json]:
    url = f'{NOVA.internal}/servers/detail'
    return admin.call('GET', url, params={'all_tenants': '1', 'limit': '1000'}, headers=TAGS)['servers']


def _keypairs(admin: Client, user: Json) -> list[Json]:
    found = admin.call('GET', f'{NOVA.internal}/os-keypairs', params={'user_id': user['id']}, headers=TAGS)['keypairs']
    return [{'user': user['name'], **keypair['keypair']} for keypair in found]


def _allocations(admin: Client) -> list[Json]:
    found = admin.call('GET', f'{BLAZAR.internal}/os-hosts/allocations')['allocations']
    return [allocation for allocation in found if allocation['reservations']]


def _tidy(found: Any, projects: dict[str, str]) -> list[Json]:
    """Resources without changing fields, with project names, sorted."""
    tidied = {}
    for one in found:
        kept = {key: value for key, value in one.items() if key not in RESTLESS and key != 'links'}
        if kept.get('project_id') in projects:
            kept['project'] = projects[kept['project_id']]
        text = json.dumps(kept, sort_keys=True)
        tidied[text] = json.loads(text, object_hook=_sorted_lists)
    return sorted(tidied.values(), key=lambda one: json.dumps(one, sort_keys=True))


def _sorted_lists(value: Json) -> Json:
    """Sorts lists, which the services return in any order."""
    return {
        key: sorted(member, key=lambda one: json.dumps(one, sort_keys=True)) if isinstance(member, list) else member
        for key, member in value.items()
        if key not in RESTLESS
    }


if __name__ == '__main__':
    json.dump(everything(), sys.stdout, indent=1, sort_keys=True)
    print()
