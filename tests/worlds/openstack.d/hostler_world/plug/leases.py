"""Blazar's manager, whose leases can be held back before they start or end."""

from blazar.cmd import manager  # first: it makes everything cooperative

from blazar.manager.service import ManagerService

from hostler_world import knobs

_process_events = ManagerService._process_events


def _unless_held(self: ManagerService) -> None:
    if not knobs.leases_held():
        _process_events(self)


if __name__ == '__main__':
    ManagerService._process_events = _unless_held
    manager.main()
