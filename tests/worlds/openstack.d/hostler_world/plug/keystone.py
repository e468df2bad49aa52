"""Keystone for gunicorn, with a token lifetime that can change at run time."""

import sys
from collections.abc import Callable, Iterable
from typing import Any

# Keystone would read gunicorn's arguments as its own.
sys.argv = ['keystone']

from keystone.server import wsgi  # noqa: E402
from oslo_config import cfg  # noqa: E402

from hostler_world import knobs  # noqa: E402

_keystone = wsgi.initialize_public_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    cfg.CONF.set_override('expiration', knobs.token_seconds(), 'token')
    return _keystone(environ, start_response)
