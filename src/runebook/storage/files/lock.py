"""One writer at a time, and no change under the eyes of a reader; across threads and processes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
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
        if not self._threads.acquire(timeout=WAIT_S):
            raise self._unavailable()
        try:
            with _locked(self._open(), fcntl.LOCK_EX, self._unavailable):
                yield
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
                held = _try_lock(descriptor, fcntl.LOCK_EX)
                try:
                    yield held
                finally:
                    if held:
                        fcntl.flock(descriptor, fcntl.LOCK_UN)
            finally:
                os.close(descriptor)
        finally:
            self._threads.release()

    def _open(self) -> int:
        return _opened(self._path)

    def _unavailable(self) -> TemporarilyUnavailable:
        return TemporarilyUnavailable(f"{self._path.parent} is locked by another writer. Try again.")


class ReadersLock:
    """Held by any number of readers, or by one writer while it puts its changes in place."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Keep writers' changes off meanwhile; where nothing can be written, there are none."""
        try:
            descriptor = _opened(self._path)
        except PermissionError:
            yield
            return
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            yield
            return
        with _locked(descriptor, fcntl.LOCK_SH, self._unavailable):
            yield

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Wait for the readers that are under way.

        Raises:
            TemporarilyUnavailable: they read all the time that this one waits.

        """
        with _locked(_opened(self._path), fcntl.LOCK_EX, self._unavailable):
            yield

    def _unavailable(self) -> TemporarilyUnavailable:
        return TemporarilyUnavailable(f"{self._path.parent} is being read without a pause. Try again.")


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


@contextlib.contextmanager
def _locked(descriptor: int, kind: int, unavailable: Callable[[], TemporarilyUnavailable]) -> Iterator[None]:
    """Hold a lock on an open file, which is closed afterwards. A copy in a forked process does not prolong it."""
    deadline, pause_s = time.monotonic() + WAIT_S, _FIRST_PAUSE_S
    try:
        while not _try_lock(descriptor, kind):
            if time.monotonic() > deadline:
                raise unavailable()
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
