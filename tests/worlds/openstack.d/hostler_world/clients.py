"""Writes the credentials of clients: clouds.yaml and openrc.sh."""

from typing import Any

import yaml

from .settings import AT, KEYSTONE, cloud

OPENRC = """\
# . openrc.sh [USER] [PROJECT]
export OS_AUTH_URL={url} OS_IDENTITY_API_VERSION=3 OS_INTERFACE=public OS_REGION_NAME='{region}'
export OS_USERNAME=${{1:-alice}} OS_PASSWORD={password} OS_USER_DOMAIN_NAME=Default
export OS_PROJECT_NAME=${{2:-{project}}} OS_PROJECT_DOMAIN_NAME=Default
unset OS_CLOUD OS_TOKEN OS_AUTH_TYPE
"""
# No server listens on this port.
DEAD = 'http://127.0.0.1:5999/v3'


def write() -> None:
    (AT / 'clouds.yaml').write_text(yaml.safe_dump({'clouds': _clouds()}, sort_keys=False))
    rest = {'url': KEYSTONE.public, 'region': cloud()['region'], 'password': cloud()['password'], 'project': cloud()['projects'][0]}
    (AT / 'openrc.sh').write_text(OPENRC.format(**rest))


def _clouds() -> dict[str, Any]:
    found = {user: _entry(_password(user, projects[0])) for user, projects in cloud()['users'].items()}
    found['alice-2'] = _entry(_password('alice', 'CH-000002'))
    found['admin'] = _entry(_password('admin', 'admin'))
    for credential in cloud()['application_credentials']:
        auth = {
            'auth_url': KEYSTONE.public, 'application_credential_name': credential['name'],
            'application_credential_secret': credential['secret'], 'username': credential['user'], 'user_domain_name': 'Default',
        }
        name = f'{credential["user"]}-{credential["name"]}'
        found[name] = {**_entry(auth), 'auth_type': 'v3applicationcredential'}
    found['wrong-password'] = _entry({**_password('alice', 'CH-000001'), 'password': 'not-the-password'})
    found['dead'] = {**_entry({**_password('alice', 'CH-000001'), 'auth_url': DEAD}), 'region_name': 'CHI@TACC'}
    return found


def _entry(auth: dict[str, str]) -> dict[str, Any]:
    return {'auth': auth, 'region_name': cloud()['region'], 'interface': 'public', 'identity_api_version': 3}


def _password(user: str, project: str) -> dict[str, str]:
    return {
        'auth_url': KEYSTONE.public, 'username': user, 'password': cloud()['password'], 'user_domain_name': 'Default',
        'project_name': project, 'project_domain_name': 'Default',
    }
