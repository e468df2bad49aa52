"""Waiting for a service, with a timeout."""

import time
from collections.abc import Callable

import requests

from .api import Refused


def until(what: str, holds: Callable[[], bool], seconds: float = 600) -> None:
    """Polls until the condition holds. Connection errors and error responses count as false."""
    end = time.monotonic() + seconds
    last: Exception | None = None
    while time.monotonic() < end:
        try:
            if holds():
                return
            last = None
        except (Refused, OSError, requests.RequestException) as refusal:
            last = refusal
        time.sleep(0.2)
    raise TimeoutError(f'no {what} in {seconds:.0f} seconds' + (f': {last}' if last else ''))
