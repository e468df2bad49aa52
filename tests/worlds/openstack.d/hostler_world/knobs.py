"""Injects faults and changes behaviour. Each knob is a file, which the services read when they need it."""

import argparse
import fnmatch
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .settings import KNOBS, PIDS

# ---- reading, by code inside the services: needs only files ------------------------------

TOKEN_SECONDS = 14400


@dataclass(frozen=True)
class Fate:
    seconds: float
    failure: str | None


def token_seconds() -> int:
    return int(_read('token-seconds') or TOKEN_SECONDS)


def leases_held() -> bool:
    return (KNOBS / 'hold-leases').exists()


def take_failing_start() -> bool:
    """True if the start of the next lease shall fail. Only Blazar's manager calls this."""
    left = int(_read('fail-starts') or 0)
    if left > 0:
        _set('fail-starts', str(left - 1))
    return left > 0


def stopped() -> set[str]:
    return {path.name for path in (KNOBS / 'stopped').glob('*')}


def destroy_seconds() -> float:
    return float(_read('destroy-seconds') or 0)


def build_fate(server: str, metadata: Mapping[str, str]) -> Fate:
    """Duration and outcome of a server's build: its metadata first, then the first knob whose pattern matches its name."""
    fate = Fate(float(metadata.get('world_build_seconds') or 0), metadata.get('world_fail') or None)
    for pattern, seconds, failure in json.loads(_read('builds') or '[]'):
        if fnmatch.fnmatch(server, pattern):
            return Fate(fate.seconds or seconds, fate.failure or failure)
    return fate


def lies(server: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Facts that the host behind this server reports wrongly, with the keys of cloud.json."""
    told = json.loads(metadata.get('world_lies') or '{}')
    for pattern, facts in json.loads(_read('lies') or '[]'):
        if fnmatch.fnmatch(server, pattern):
            return {**facts, **told}
    return told


def _read(name: str) -> str | None:
    try:
        return (KNOBS / name).read_text().strip()
    except FileNotFoundError:
        return None


# ---- writing --------------------------------------------------------------------------------------------------

HELP = """\
  knob fault SERVICE HOW [--method M] [--path REGEX] [--skip N] [--times N]
                                   make requests through the front door fail; SERVICE: keystone placement glance neutron
                                   nova blazar nodes; HOW: 503 (any status), hang, drop (connection closed before the
                                   request runs), lose (request runs, no response), slow:SECONDS
  knob fault clear                 remove all faults; releases requests that hang
  knob stop|start SERVICE          kill or start a process: nova-api nova-compute blazar-manager … (names in PIDS)
  knob token-ttl SECONDS|default   lifetime of tokens issued from now on
  knob quota PROJECT NAME=N…       set quotas: instances cores ram key_pairs; floatingip network port …
  knob fips none|full              empty or restore the address pool of `public`
  knob empty-net on|off            add or remove `public-empty`, an external network without a free address
  knob build PATTERN [--seconds S] [--fail TEXT]
                                   servers whose names match the pattern (*) build S seconds longer, or go to ERROR
  knob build clear
  knob lie PATTERN JSON            the hosts behind such servers (`up --hosts`) differ from their node type; keys of cloud.json:
                                   threads, ram_gib, disks, gpu (null: none), os_distro, os_version; and cloud_init (error)
  knob lie clear
  knob destroy SECONDS             duration of deleting a server
  knob hold-leases on|off          leases do not change status: PENDING stays PENDING, and none ends
  knob fail-starts N               the next N leases go to ERROR when they are due to start
  knob clear                       revert all of the above except quotas and networks (`reset` reverts those, too)
"""


def clear() -> None:
    """Reverts every knob that is a file."""
    was_stopped = stopped()
    for path in KNOBS.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if was_stopped:
        os.kill(1, signal.SIGUSR1)


def main() -> None:
    match sys.argv[1:]:
        case ['clear']:
            clear()
        case ['fault', *rest]:
            _fault(rest)
        case ['stop', service] if service in _services():
            _stop(service)
        case ['start', service] if service in _services():
            (KNOBS / 'stopped' / service).unlink(missing_ok=True)
            os.kill(1, signal.SIGUSR1)
        case ['token-ttl', 'default']:
            _unset('token-seconds')
        case ['token-ttl', seconds]:
            _set('token-seconds', str(int(seconds)))
        case ['build', 'clear']:
            _unset('builds')
        case ['build', *rest]:
            _build(rest)
        case ['lie', 'clear']:
            _unset('lies')
        case ['lie', pattern, facts]:
            others = [one for one in json.loads(_read('lies') or '[]') if one[0] != pattern]
            _set('lies', json.dumps([[pattern, json.loads(facts)], *others]))
        case ['destroy', seconds]:
            _set('destroy-seconds', str(float(seconds)))
        case ['hold-leases', 'on']:
            _set('hold-leases', '')
        case ['hold-leases', 'off']:
            _unset('hold-leases')
        case ['fail-starts', count]:
            _set('fail-starts', str(int(count)))
        case ['quota', project, *limits] if limits:
            from . import limits as through_api
            through_api.quota(project, dict(limit.split('=', 1) for limit in limits))
        case ['fips', 'none' | 'full' as how]:
            from . import limits as through_api
            through_api.floating_addresses(how)
        case ['empty-net', 'on' | 'off' as how]:
            from . import limits as through_api
            through_api.empty_network(how)
        case ['help']:
            print(HELP, end='')
        case _:
            print(HELP, end='', file=sys.stderr)
            sys.exit(2)


def _services() -> set[str]:
    return {path.name for path in PIDS.iterdir()} | stopped()


def _stop(service: str) -> None:
    (KNOBS / 'stopped').mkdir(exist_ok=True)
    (KNOBS / 'stopped' / service).touch()
    pid = PIDS / service
    if pid.exists():
        group = int(pid.read_text())
        os.killpg(group, signal.SIGKILL)
        while Path(f'/proc/{group}').exists():
            pass  # takes milliseconds: it is killed, and the first process reaps it


def _fault(words: list[str]) -> None:
    from . import faults, settings
    if words == ['clear']:
        faults.save([])
        return
    parser = argparse.ArgumentParser(prog='knob fault')
    parser.add_argument('service', choices=[api.name for api in [*settings.APIS, settings.NODE_API]])
    parser.add_argument('how')
    parser.add_argument('--method', default='*')
    parser.add_argument('--path', default='', type=lambda text: re.compile(text).pattern)
    parser.add_argument('--skip', type=int, default=0)
    parser.add_argument('--times', type=int)
    said = parser.parse_args(words)
    how, _, value = said.how.partition(':')
    if how.isdigit():
        how, value = 'status', how
    if how not in faults.HOWS:
        parser.error(f'unknown fault: {how}')
    before = faults.load()
    number = 1 + max((fault.number for fault in before), default=int.from_bytes(os.urandom(4)))
    faults.save([*before, faults.Fault(
        number, said.service, how, float(value or 0), said.method.upper(), said.path, said.skip, said.times)])


def _build(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog='knob build')
    parser.add_argument('pattern')
    parser.add_argument('--seconds', type=float, default=0)
    parser.add_argument('--fail')
    said = parser.parse_args(words)
    builds = [one for one in json.loads(_read('builds') or '[]') if one[0] != said.pattern]
    _set('builds', json.dumps([[said.pattern, said.seconds, said.fail], *builds]))


def _set(name: str, value: str) -> None:
    new = KNOBS / f'.{name}'
    new.write_text(value)
    new.rename(KNOBS / name)


def _unset(name: str) -> None:
    (KNOBS / name).unlink(missing_ok=True)


if __name__ == '__main__':
    main()
