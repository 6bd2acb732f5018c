"""Waiting for the store, with a word to whoever looks at the terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from runebook.client.spool.shipper import Shipper
from runebook.client.spool.spool import Spool
from runebook.core.errors import RunebookError

SHOW_AFTER_SECONDS = 1.0
_LOOK_SECONDS = 0.5


class Waiting:
    """One wait for what was logged up to now.

    Args:
        spool: what is shipped.
        shipper: who ships it.
        patience_seconds: how long nothing may move before it is given up.
        with_progress: whether to say on the terminal how far it is, when it takes longer than a second.

    """

    def __init__(self, spool: Spool, shipper: Shipper, patience_seconds: float, *, with_progress: bool) -> None:
        self._spool = spool
        self._shipper = shipper
        self._patience_seconds = patience_seconds
        self._with_progress = with_progress and sys.stderr is not None and sys.stderr.isatty()
        self._is_shown = False

    def until_shipped(self, seconds: float | None) -> bool:
        """Returns whether the store has all that was in the spool when this was called."""
        target = self._spool.written()
        first = self._spool.acknowledged
        started = moved = time.monotonic()
        reached = first
        while True:
            left = _LOOK_SECONDS if seconds is None else min(_LOOK_SECONDS, started + seconds - time.monotonic())
            if self._shipper.wait(target, left):
                self._end()
                return True
            now = time.monotonic()
            if self._spool.acknowledged > reached:
                reached, moved = self._spool.acknowledged, now
            if now - started > SHOW_AFTER_SECONDS:
                self._show(reached - first, target - first)
            if (seconds is not None and now - started >= seconds) or now - moved > self._patience_seconds:
                self._end()
                return False

    def _show(self, done: int, total: int) -> None:
        if self._with_progress:
            self._is_shown = True
            sys.stderr.write(f"\rRunebook: {done} of {total} records are in the store ...")
            sys.stderr.flush()

    def _end(self) -> None:
        if self._is_shown:
            sys.stderr.write("\n")


def left_in_words(rest: str, where: Path, failure: RunebookError | None) -> str:
    """What is not in the store, where it lies, and what brings it there."""
    because = f" because: {failure}" if failure is not None else "."
    return (
        f"{rest} of this process lie in {where} and are not in the store yet{because} `runebook sync` ships them, and "
        "so does the next Runebook process of this machine that uses the store."
    )
