"""Shipping, now and then, what processes left that are gone."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runebook.client.transport import Transport

LOOK_SECONDS = 300.0
"""How often it is looked for."""

PATIENCE_SECONDS = 10.0
"""How long to wait for another thread that is at it."""


class Inheriting:
    """Used by the thread that ships, a frame a turn, and by whoever waits for all of it.

    Args:
        root: gives the folder of all spools.
        transport: into the store whose spools are shipped.

    """

    def __init__(self, root: Callable[[], Path], transport: Transport) -> None:
        self._root = root
        self._transport = transport
        self._lock = threading.Lock()
        self._left: Iterator[None] | None = None
        self._look_at = 0.0

    def ship_some(self, now: float, *, may_begin: bool) -> None:
        """One frame, unless another thread is at it."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._left is None and now >= self._look_at and may_begin:
                self._look_at = now + LOOK_SECONDS
                self._left = self._found()
            if self._left is not None and next(self._left, self) is self:
                self._left = None
        finally:
            self._lock.release()

    def ship_all(self, seconds: float | None) -> None:
        """As far as the store takes it now, and as the seconds suffice."""
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            return
        until = math.inf if seconds is None else time.monotonic() + seconds
        try:
            begun, self._left = self._left, None
            for left in (begun or (), self._found()):
                for _ in left:
                    if time.monotonic() > until:
                        return
        finally:
            self._lock.release()

    def _found(self) -> Iterator[None]:
        from runebook.client.spool.leaving import ship_left  # not to start a run

        return ship_left(self._root(), self._transport)
