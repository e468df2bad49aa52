"""Blazar's manager, with a knob that keeps leases from starting and ending."""

from blazar.cmd import manager  # must be first: patches the standard library

from blazar.manager.service import ManagerService

from hostler_world import knobs

_process_events = ManagerService._process_events


def _unless_held(self: ManagerService) -> None:
    if not knobs.leases_held():
        _process_events(self)


if __name__ == '__main__':
    ManagerService._process_events = _unless_held
    manager.main()
