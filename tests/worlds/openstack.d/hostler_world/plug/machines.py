"""Nova's fake driver as bare metal: nodes with stable ids, one server each, slow or failing builds by knob."""

import json
import time
from typing import Any

from nova import exception
from nova.virt import fake

from hostler_world import knobs
from hostler_world.plug import hook


class BareMetal(fake.FakeDriver):
    vcpus, memory_mb, local_gb = 48, 196608, 240

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        # The node's name is a UUID. Use it as the node's id, which must not change between starts.
        return {**super().get_available_resource(nodename), 'uuid': nodename}

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        return {node: node for node in self.get_available_nodes()}

    def update_provider_tree(self, provider_tree: Any, nodename: str, allocations: Any = None) -> None:
        super().update_provider_tree(provider_tree, nodename, allocations)
        whole = {'total': 1, 'reserved': 0, 'min_unit': 1, 'max_unit': 1, 'step_size': 1, 'allocation_ratio': 1.0}
        inventory = {**provider_tree.data(nodename).inventory, 'CUSTOM_BAREMETAL': whole}
        provider_tree.update_inventory(nodename, inventory)

    def spawn(self, context: Any, instance: Any, *args: Any, **more: Any) -> None:
        fate = knobs.build_fate(instance.display_name, instance.metadata or {})
        time.sleep(fate.seconds)
        if fate.failure:
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason=fate.failure)
        network = more.get('network_info') or (args[4] if len(args) > 4 else None)
        try:
            hook.tell('spawn', **_facts(instance, network))
        except (hook.HookFailed, OSError) as failure:
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason=f'server hook: {failure}') from failure
        super().spawn(context, instance, *args, **more)

    def destroy(self, context: Any, instance: Any, network_info: Any, *args: Any, **more: Any) -> None:
        time.sleep(knobs.destroy_seconds())
        try:
            hook.tell('destroy', **_facts(instance, network_info))
        except (hook.HookFailed, OSError) as failure:
            hook.LOG.error('destroy: %s', failure)
        super().destroy(context, instance, network_info, *args, **more)


def _facts(instance: Any, network: Any) -> dict[str, str | None]:
    addresses = _addresses(network)
    image = {key.removeprefix('image_'): value for key, value in instance.system_metadata.items() if key.startswith('image_')}
    return {
        'server_id': instance.uuid,
        'server_name': instance.hostname or instance.display_name,
        'server_ip': addresses[0] if addresses else '',
        'server_ips': ','.join(addresses),
        'server_key': (instance.key_data or '').strip(),
        'server_key_name': instance.key_name,
        'server_user_data_b64': instance.user_data,
        'server_metadata': json.dumps(dict(instance.metadata or {})),
        'server_project': instance.project_id,
        'server_node': instance.node,
        'server_image': instance.image_ref,
        'server_image_properties': json.dumps(image),
    }


def _addresses(network: Any) -> list[str]:
    try:
        return [address['address'] for interface in network or [] for address in interface.fixed_ips()]
    except Exception:  # the build failed before it had a network; Nova raises various types
        return []
