"""One writer at a time, across threads and processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from runebook.core.errors import TemporarilyUnavailable

WAIT_S = 30.0
_FIRST_PAUSE_S = 0.0005
_LONGEST_PAUSE_S = 0.02


class WriterLock:
    """A lock held by one thread of one process, and let go of by the system when that process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the lock and hold it.

        Raises:
            TemporarilyUnavailable: another writer held it all the time that this one waits.

        """
        deadline = time.monotonic() + WAIT_S
        if not self._threads.acquire(timeout=WAIT_S):
            raise self._unavailable()
        try:
            descriptor = self._open()
            try:
                pause_s = _FIRST_PAUSE_S
                while not _try_lock(descriptor):
                    if time.monotonic() > deadline:
                        raise self._unavailable()
                    time.sleep(pause_s)
                    pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                yield
            finally:
                os.close(descriptor)
        finally:
            self._threads.release()

    @contextlib.contextmanager
    def held_if_free(self) -> Iterator[bool]:
        """Hold the lock if nobody has it; yields whether it is held."""
        if not self._threads.acquire(blocking=False):
            yield False
            return
        try:
            descriptor = self._open()
            try:
                yield _try_lock(descriptor)
            finally:
                os.close(descriptor)
        finally:
            self._threads.release()

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def _unavailable(self) -> TemporarilyUnavailable:
        return TemporarilyUnavailable(f"{self._path.parent} is locked by another writer. Try again.")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
