"""Runs the tester's hook when a server or an address is created or deleted."""

import os
import subprocess
import sys

from oslo_log import log as logging

LOG = logging.getLogger(__name__)


class HookFailed(Exception):
    """Failure of the hook. The text is the last line of its standard error."""


def tell(event: str, **facts: str | None) -> None:
    """Runs the hook as `HOOK EVENT`, with each fact as WORLD_<FACT> in its environment. Does nothing without a hook."""
    program = os.environ.get('HOSTLER_WORLD_SERVER_HOOK')
    if not program:
        return
    environment = {**os.environ, 'WORLD_PYTHON': sys.executable, **{f'WORLD_{name.upper()}': fact or '' for name, fact in facts.items()}}
    # Eventlet's patched subprocess lets other requests run meanwhile.
    done = subprocess.run([program, event], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    LOG.info('hook %s: %s, %s %s', event, done.returncode, done.stdout.strip(), done.stderr.strip())
    if done.returncode != 0:
        raise HookFailed((done.stderr.strip() or f'exit status {done.returncode}').splitlines()[-1])
