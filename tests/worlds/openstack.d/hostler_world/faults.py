"""Faults that the front door injects: written by `knob fault`, read for each request."""

import json
import re
import threading
from dataclasses import asdict, dataclass

from .settings import KNOBS

FILE = KNOBS / 'faults.json'
HOWS = ['status', 'hang', 'drop', 'lose', 'slow']


@dataclass(frozen=True)
class Fault:
    """A kind of failure and the requests it applies to. `number` distinguishes equal faults."""

    number: int
    service: str
    how: str
    value: float
    method: str
    path: str
    skip: int
    times: int | None

    def hits(self, service: str, method: str, path: str) -> bool:
        return service == self.service and self.method in ('*', method) and re.search(self.path, path) is not None


_seen: dict[Fault, int] = {}
_lock = threading.Lock()


def load() -> list[Fault]:
    try:
        return [Fault(**one) for one in json.loads(FILE.read_text())]
    except FileNotFoundError:
        return []


def save(faults: list[Fault]) -> None:
    new = FILE.with_suffix('.new')
    new.write_text(json.dumps([asdict(fault) for fault in faults]))
    new.rename(FILE)


def known(service: str) -> bool:
    """True if this service has an active fault."""
    return any(fault.service == service for fault in load())


def striking(service: str, method: str, path: str) -> Fault | None:
    """Fault that applies to this request. Counts the request."""
    for fault in load():
        if not fault.hits(service, method, path):
            continue
        with _lock:
            count = _seen[fault] = _seen.get(fault, 0) + 1
        if count > fault.skip and (fault.times is None or count <= fault.skip + fault.times):
            return fault
    return None
