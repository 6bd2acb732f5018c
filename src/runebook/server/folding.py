"""The thread that folds what appends left, so that readers have less to read."""

from __future__ import annotations

import logging
import threading

from runebook.storage.base import Storage

RUNS_PER_STEP = 16

_log = logging.getLogger("runebook.server.folding")


class Folding:
    """Calls `storage.fold_step` now and then, until it is stopped. An error is logged and the next step tries anew."""

    def __init__(self, storage: Storage, interval_s: float) -> None:
        self._storage = storage
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="folding", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the step under way is done."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                while self._storage.fold_step(RUNS_PER_STEP) == RUNS_PER_STEP and not self._stopping.is_set():
                    pass
            except Exception:  # noqa: BLE001  # logged, and the thread lives on
                _log.exception("Folding metrics failed; it is tried again in %s s", self._interval_s)
