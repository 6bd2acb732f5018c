"""Signal handlers and calls that must not be cut in two.

A Python signal handler runs between two instructions of the main thread, which may hold a lock or be inside of a
transaction. What a handler wants done is put off until the main thread has left such a call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class _Uninterrupted:
    """Counts how deep the main thread is in calls that must not be interrupted. Other threads pass through."""

    def __init__(self) -> None:
        self.depth = 0
        self.waiting: list[Callable[[], None]] = []

    def __enter__(self) -> None:
        if threading.get_ident() == threading.main_thread().ident:
            self.depth += 1

    def __exit__(self, *_: object) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        self.depth -= 1
        while self.waiting and not self.depth:
            self.waiting.pop(0)()


uninterrupted = _Uninterrupted()
"""A block that a signal's action waits for: `with uninterrupted: ...`."""


def when_uninterrupted(action: Callable[[], None]) -> None:
    """Do it now, or as soon as the main thread leaves its `uninterrupted` block. For signal handlers."""
    if uninterrupted.depth:
        uninterrupted.waiting.append(action)
    else:
        action()
