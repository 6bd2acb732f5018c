"""What a server does unasked, now and then, each in a thread of its own. Several servers may do it on one store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from runebook.services.leases import end_expired
from runebook.storage.base import Storage

RUNS_FOLDED_AT_ONCE = 16

_log = logging.getLogger("runebook.server.chores")


class Chore:
    """Does something now and then until it is stopped. An error is logged, and the next time tries anew.

    Args:
        name: what the log calls it.
        interval_s: the pause before each time.
        step: does a part; returns whether there is more to do at once.

    """

    def __init__(self, name: str, interval_s: float, step: Callable[[], bool]) -> None:
        self._name = name
        self._interval_s = interval_s
        self._step = step
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the step under way is done."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                while self._step() and not self._stopping.is_set():
                    pass
            except Exception:  # noqa: BLE001  # logged, and the thread lives on
                _log.exception("%s failed; it is tried again in %s s", self._name, self._interval_s)


def chores(storage: Storage, *, fold_interval_s: float, lease_interval_s: float) -> Sequence[Chore]:
    """Folding what appends left, so that readers have less to read; ending runs whose writers fell silent."""
    return (
        Chore("folding", fold_interval_s, lambda: storage.fold_step(RUNS_FOLDED_AT_ONCE) == RUNS_FOLDED_AT_ONCE),
        Chore("leases", lease_interval_s, lambda: end_expired(storage) > 0),
    )
