"""Keeps forks and calls into a store apart."""

from __future__ import annotations

import threading

PATIENCE_SECONDS = 5.0


class ForkGate:
    """Many calls may be inside at once; a fork waits until none is, and lets none in until it is done.

    A connection that is in the middle of something when the process forks is broken in the child, and a SQLite file
    that is open across a fork can be corrupted by it.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._condition = threading.Condition(threading.Lock())
        self._inside = 0
        self._is_shut = False

    def __enter__(self) -> None:
        with self._condition:
            while self._is_shut:
                self._condition.wait()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._condition:
            self._inside -= 1
            if self._is_shut:
                self._condition.notify_all()

    def shut(self) -> bool:
        """Let nobody in. Returns whether all were out within the patience; a call that hangs does not stop a fork."""
        with self._condition:
            self._is_shut = True
            return self._condition.wait_for(lambda: not self._inside, timeout=PATIENCE_SECONDS)

    def open(self) -> None:
        with self._condition:
            self._is_shut = False
            self._condition.notify_all()

    def renew(self) -> None:
        """In a child: the threads that were inside do not exist here."""
        self._reset()
