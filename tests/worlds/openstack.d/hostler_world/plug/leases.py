"""Blazar's manager, with knobs that keep leases from starting and ending, and that make their start fail."""

from blazar.cmd import manager  # must be first: patches the standard library

from typing import Any

from blazar.manager import exceptions
from blazar.manager.service import ManagerService

from hostler_world import knobs

_process_events = ManagerService._process_events
_basic_action = ManagerService._basic_action


def _unless_held(self: ManagerService) -> None:
    if not knobs.leases_held():
        _process_events(self)


def _unless_failing(self: ManagerService, lease_id: str, event_id: str, action_time: str, *more: Any) -> Any:
    """As when a host is in the aggregate of another lease: the lease goes to ERROR."""
    if action_time == 'on_start' and knobs.take_failing_start():
        raise exceptions.HostNotInFreePool(host='of this lease', freepool_name='freepool')
    return _basic_action(self, lease_id, event_id, action_time, *more)


if __name__ == '__main__':
    ManagerService._process_events = _unless_held
    ManagerService._basic_action = _unless_failing
    manager.main()
