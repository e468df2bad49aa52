"""Neutron's routers without the agent: reports the status of floating IPs immediately."""

from typing import Any

from neutron.services.l3_router.l3_router_plugin import L3RouterPlugin
from neutron_lib import constants
from oslo_log import log as logging

from hostler_world.plug import hook

LOG = logging.getLogger(__name__)
Floating = dict[str, Any]


class Routers(L3RouterPlugin):
    def create_floatingip(self, context: Any, floatingip: Floating) -> Floating:
        return self._settle(context, None, super().create_floatingip(context, floatingip))

    def update_floatingip(self, context: Any, id: str, floatingip: Floating) -> Floating:
        before = self.get_floatingip(context, id)
        return self._settle(context, before, super().update_floatingip(context, id, floatingip))

    def delete_floatingip(self, context: Any, id: str) -> None:
        before = self.get_floatingip(context, id)
        super().delete_floatingip(context, id)
        _tell(before, None)

    def disassociate_floatingips(self, context: Any, port_id: str, do_notify: bool = True) -> Any:
        """Called before a port is deleted, usually with its server."""
        admin = context.elevated()
        before = self.get_floatingips(admin, filters={'port_id': [port_id]})
        routers = super().disassociate_floatingips(context, port_id, do_notify)
        for floating in before:
            self._settle(admin, floating, self.get_floatingip(admin, floating['id']))
        return routers

    def _settle(self, context: Any, before: Floating | None, after: Floating) -> Floating:
        status = constants.FLOATINGIP_STATUS_ACTIVE if after['port_id'] else constants.FLOATINGIP_STATUS_DOWN
        if after['status'] != status:
            self.update_floatingip_status(context.elevated(), after['id'], status)
            after['status'] = status
        _tell(before, after)
        return after


def _tell(before: Floating | None, after: Floating | None) -> None:
    was, now = _tie(before), _tie(after)
    if was == now:
        return
    try:
        if was:
            hook.tell('fip-detach', fip=was[0], fixed_ip=was[1])
        if now:
            hook.tell('fip-attach', fip=now[0], fixed_ip=now[1])
    except hook.HookFailed as failure:
        LOG.error('floating IP: %s', failure)


def _tie(floating: Floating | None) -> tuple[str, str] | None:
    if not floating or not floating['port_id']:
        return None
    return floating['floating_ip_address'], floating['fixed_ip_address']
