"""Writes the services' configuration files."""

from .settings import AT, BLAZAR, DATABASE_SOCKET, ETC, GLANCE, KEYSTONE, NEUTRON, NOVA, RABBIT_PORT, Api, cloud

Section = dict[str, object]
RABBIT = f'rabbit://guest:guest@127.0.0.1:{RABBIT_PORT}/'
SILENT: Section = {'driver': 'noop'}


def write(venv: str) -> None:
    """Writes all files. `venv` is the environment that contains the data files of the services."""
    (ETC / 'blazar').mkdir(parents=True, exist_ok=True)
    _ini('keystone.conf', _keystone())
    _ini('placement.conf', _placement())
    _ini('glance.conf', _glance(venv))
    _ini('neutron.conf', _neutron(venv))
    _ini('nova.conf', _nova(venv))
    _ini('blazar/blazar.conf', _blazar())
    # Chameleon lets members read hosts and allocations. Blazar's default is administrators only.
    policy = ['get', 'get_allocations', 'get_resource_properties']
    (ETC / 'blazar/policy.yaml').write_text(''.join(f'"blazar:oshosts:{rule}": ""\n' for rule in policy))


def database(name: str) -> str:
    return f'mysql+pymysql://root@localhost/{name}?charset=utf8&unix_socket={DATABASE_SOCKET}'


def _ini(name: str, sections: dict[str, Section]) -> None:
    lines = []
    for section, options in sections.items():
        lines.append(f'[{section}]')
        for key, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                lines.append(f'{key} = {one}')
    (ETC / name).write_text('\n'.join(lines) + '\n')


def _pool(name: str) -> Section:
    return {'connection': database(name), 'max_pool_size': 10, 'max_overflow': 20, 'connection_recycle_time': 300}


def _login(service: str) -> Section:
    return {
        'auth_type': 'password', 'auth_url': KEYSTONE.internal, 'username': service, 'password': cloud()['password'],
        'project_name': 'service', 'user_domain_name': 'Default', 'project_domain_name': 'Default',
        'region_name': cloud()['region'], 'valid_interfaces': 'internal',
    }


def _tokens(service: str) -> Section:
    return {
        'www_authenticate_uri': KEYSTONE.public, 'interface': 'internal',
        'service_token_roles_required': True, 'service_token_roles': 'service,admin', **_login(service),
    }


def _listen(api: Api) -> Section:
    return {'bind_host': '127.0.0.1', 'bind_port': api.behind, 'use_stderr': True}


def _keystone() -> dict[str, Section]:
    return {
        'DEFAULT': {'use_stderr': True, 'public_endpoint': f'http://127.0.0.1:{KEYSTONE.port}'},
        'database': _pool('keystone'),
        'token': {'provider': 'fernet', 'expiration': 14400},
        'fernet_tokens': {'key_repository': AT / 'keys/tokens'},
        'credential': {'key_repository': AT / 'keys/credentials'},
        # One process with a cache in memory. Without the cache, validating a token takes seconds.
        'cache': {'enabled': True, 'backend': 'dogpile.cache.memory', 'expiration_time': 600},
        'identity': {'password_hash_rounds': 4},
        'oslo_messaging_notifications': SILENT,
    }


def _placement() -> dict[str, Section]:
    return {
        'DEFAULT': {'use_stderr': True},
        'placement_database': {'connection': database('placement')},
        'api': {'auth_strategy': 'keystone'},
        'keystone_authtoken': _tokens('placement'),
    }


def _glance(venv: str) -> dict[str, Section]:
    return {
        'DEFAULT': {**_listen(GLANCE), 'workers': 0, 'enabled_backends': 'files:file'},
        'database': {'connection': database('glance')},
        'glance_store': {'default_backend': 'files'},
        'files': {'filesystem_store_datadir': AT / 'glance'},
        'paste_deploy': {'flavor': 'keystone', 'config_file': f'{venv}/etc/glance/glance-api-paste.ini'},
        'keystone_authtoken': _tokens('glance'),
        'oslo_messaging_notifications': SILENT,
    }


def _neutron(venv: str) -> dict[str, Section]:
    return {
        'DEFAULT': {
            **_listen(NEUTRON), 'core_plugin': 'ml2', 'service_plugins': 'hostler_world.plug.routers.Routers',
            'api_paste_config': f'{venv}/etc/neutron/api-paste.ini', 'transport_url': RABBIT, 'state_path': AT / 'neutron',
            'api_workers': 0, 'rpc_workers': 0, 'rpc_state_report_workers': 0, 'dhcp_agent_notification': False,
            'notify_nova_on_port_status_changes': True, 'notify_nova_on_port_data_changes': True,
        },
        'oslo_concurrency': {'lock_path': AT / 'neutron/lock'},
        'database': _pool('neutron'),
        'keystone_authtoken': _tokens('neutron'),
        'nova': _login('nova'),
        'ml2': {
            'type_drivers': 'flat,vlan,local', 'tenant_network_types': 'vlan', 'mechanism_drivers': 'hostler_world',
            'extension_drivers': 'port_security',
        },
        'ml2_type_flat': {'flat_networks': 'public,physnet1'},
        'ml2_type_vlan': {'network_vlan_ranges': 'physnet1:3000:3200'},
        'quotas': {'quota_floatingip': 50},
        'oslo_messaging_notifications': SILENT,
    }


def _nova(venv: str) -> dict[str, Section]:
    return {
        'DEFAULT': {
            'my_ip': '127.0.0.1', 'use_stderr': True, 'transport_url': RABBIT, 'state_path': AT / 'nova',
            'instances_path': AT / 'nova/instances', 'enabled_apis': 'osapi_compute', 'osapi_compute_listen': '127.0.0.1',
            'osapi_compute_listen_port': NOVA.behind, 'osapi_compute_workers': 1, 'compute_driver': 'fake.FakeDriver',
            'report_interval': 10, 'service_down_time': 60, 'reserved_host_memory_mb': 0, 'long_rpc_timeout': 300,
        },
        'api': {'auth_strategy': 'keystone'},
        'api_database': _pool('nova_api'),
        'database': _pool('nova'),
        'conductor': {'workers': 1},
        'scheduler': {'workers': 1, 'discover_hosts_in_cells_interval': 30},
        'filter_scheduler': {
            'available_filters': ['nova.scheduler.filters.all_filters', 'blazarnova.scheduler.filters.blazar_filter.BlazarFilter'],
            'enabled_filters': 'ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,BlazarFilter',
        },
        'blazar:physical:host': {'project_id_key': 'blazar:project'},
        'oslo_concurrency': {'lock_path': AT / 'nova/lock'},
        'wsgi': {'api_paste_config': f'{venv}/etc/nova/api-paste.ini'},
        'notifications': {'notification_format': 'versioned'},
        'oslo_messaging_notifications': SILENT,
        'glance': {'api_servers': GLANCE.internal},
        'vnc': {'enabled': False},
        'neutron': _login('neutron'),
        'placement': _login('placement'),
        'service_user': {'send_service_user_token': True, **_login('nova')},
        'cinder': {'catalog_info': 'volumev3::internalURL'},
        'keystone_authtoken': _tokens('nova'),
    }


def _blazar() -> dict[str, Section]:
    return {
        'DEFAULT': {
            'host': '127.0.0.1', 'port': BLAZAR.behind, 'use_stderr': True, 'transport_url': RABBIT,
            'os_auth_protocol': 'http', 'os_auth_host': '127.0.0.1', 'os_auth_port': KEYSTONE.behind, 'os_auth_prefix': '',
            'os_auth_version': 'v3', 'os_region_name': cloud()['region'], 'identity_service': 'identity',
            'os_admin_username': 'blazar', 'os_admin_password': cloud()['password'], 'os_admin_project_name': 'service',
            'os_admin_user_domain_name': 'Default', 'os_admin_project_domain_name': 'Default',
        },
        'manager': {'plugins': 'physical.host.plugin,virtual.floatingip.plugin', 'minutes_before_end_lease': 0},
        'database': {'connection': database('blazar')},
        'nova': {'aggregate_freepool_name': 'freepool', 'endpoint_type': 'internal'},
        'neutron': {'endpoint_type': 'internal'},
        'physical:host': {
            'blazar_az_prefix': 'blazar_', 'enable_notification_monitor': False, 'enable_polling_monitor': False,
            'healing_interval': 0,
        },
        'enforcement': {'enabled_filters': 'MaxLeaseDurationFilter', 'max_lease_duration': 7 * 24 * 3600},
        'oslo_policy': {'policy_file': ETC / 'blazar/policy.yaml'},
        'keystone_authtoken': _tokens('blazar'),
        'oslo_messaging_notifications': SILENT,
    }
