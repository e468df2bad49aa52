"""A small client of the services, for the programs of the world."""

import sys
from typing import Any

import requests

from .settings import KEYSTONE, NEUTRON, cloud

Json = Any


class Refused(Exception):
    def __init__(self, method: str, url: str, response: requests.Response) -> None:
        super().__init__(f'{method} {url}: {response.status_code} {response.text[:600]}')
        self.status = response.status_code


class Client:
    """Session of one user in one project. It bypasses the front door, so no fault is injected."""

    def __init__(self, user: str = 'admin', project: str = 'admin') -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        domain = {'id': 'default'}
        login = {
            'identity': {
                'methods': ['password'],
                'password': {'user': {'name': user, 'domain': domain, 'password': cloud()['password']}},
            },
            'scope': {'project': {'name': project, 'domain': domain}},
        }
        response = self.http.post(f'{KEYSTONE.internal}/auth/tokens', json={'auth': login})
        if response.status_code != 201:
            raise Refused('POST', '/auth/tokens', response)
        self.http.headers['X-Auth-Token'] = response.headers['X-Subject-Token']
        token = response.json()['token']
        self.user: str = token['user']['id']
        self.project: str = token['project']['id']

    def call(self, method: str, url: str, body: Json = None, **more: Any) -> Json:
        response = self.http.request(method, url, json=body, **more)
        if not response.ok:
            raise Refused(method, url, response)
        return response.json() if response.text[:1] in ('{', '[') else None

    def all(self, url: str, **query: str) -> list[Json]:
        """Members of a collection. The key of the list is the last part of the URL."""
        answer = self.call('GET', url, params=query)
        name = url.rsplit('/', 1)[1]
        for key in (name, name.removeprefix('os-').replace('-', '_'), name.replace('-', '_')):
            if key in answer:
                return answer[key]
        raise KeyError(f'no {name} in {list(answer)}')

    def ensure(self, url: str, kind: str, like: Json, /, **rest: Json) -> Json:
        """Member with these values. Created if none exists."""
        for member in self.all(url):
            if all(member.get(key) == value for key, value in like.items()):
                return member
        return self.call('POST', url, {kind: {**like, **rest}})[kind]


def network(path: str) -> str:
    return f'{NEUTRON.internal}/v2.0/{path}'


def fail(text: str) -> None:
    sys.exit(f'worlds/openstack: {text}')
