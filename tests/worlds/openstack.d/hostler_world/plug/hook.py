"""Tells a program of the tester's that a server or an address comes or goes, so that a real host can stand behind it."""

import os
import subprocess
import sys

from oslo_log import log as logging

LOG = logging.getLogger(__name__)


class HookFailed(Exception):
    """Its text is the last line that the hook wrote to its standard error."""


def tell(event: str, **facts: str | None) -> None:
    """Runs the hook as `HOOK EVENT`, with each fact as WORLD_<FACT> in its environment. Without a hook, nothing happens."""
    program = os.environ.get('HOSTLER_WORLD_SERVER_HOOK')
    if not program:
        return
    environment = {**os.environ, 'WORLD_PYTHON': sys.executable, **{f'WORLD_{name.upper()}': fact or '' for name, fact in facts.items()}}
    # Eventlet has made this cooperative: other requests go on meanwhile.
    done = subprocess.run([program, event], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    LOG.info('hook %s: %s, %s %s', event, done.returncode, done.stdout.strip(), done.stderr.strip())
    if done.returncode != 0:
        raise HookFailed((done.stderr.strip() or f'exit status {done.returncode}').splitlines()[-1])
