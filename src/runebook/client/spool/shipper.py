"""The thread that ships what this process logs, and those who wait for it."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from runebook.api.frames import Refusal
from runebook.client.spool.courier import Courier, Delivery
from runebook.client.spool.spool import Spool
from runebook.core.errors import RunebookError

QUIET_SECONDS = 0.15
"""How often the thread looks for records that nobody waits for."""

MANY_RECORDS = 25_000
"""So many that they are shipped at once."""

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0

_logger = logging.getLogger("runebook.spool")


class Shipper:
    """Ships one spool for as long as the process lives.

    Args:
        spool: what to ship.
        connect: opens the way into the store; asked anew after a failure.
        on_turn: called before each look into the spool, such as to renew leases.
        failure: why the store was not reached a moment ago; whoever found out has said so.

    """

    def __init__(
        self,
        spool: Spool,
        connect: Callable[[], Delivery],
        on_turn: Callable[[], None],
        failure: RunebookError | None = None,
    ) -> None:
        self.refused: list[Refusal] = []
        """What the store would not take, until somebody asks for it."""
        self.failure = failure
        """Why nothing can be shipped now."""
        self.failures = 0 if failure is None else 1
        """How often that was so since something was shipped."""
        self._spool = spool
        self._connect = connect
        self._on_turn = on_turn
        self._courier: Courier | None = None
        self._wake = threading.Event()
        self._mutex = threading.RLock()
        """Entered itself, not by its condition: an interrupt from the keyboard cannot come while it is entered."""
        self._changed = threading.Condition(self._mutex)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runebook-shipper", daemon=True)

    def start(self) -> None:
        """Raises RuntimeError: the interpreter is going down, and takes no threads any more."""
        self._thread.start()

    def poke(self) -> None:
        """Look now, whatever the thread waits for."""
        self._wake.set()

    def stop(self) -> None:
        """Ask the thread to end. It may hang in the network, so nobody waits long for that."""
        self._stopping.set()
        self.poke()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def wait(self, number: int, seconds: float) -> bool:
        """Wait until the store has all records up to this one, but not longer than so. Returns whether it has."""
        until = time.monotonic() + seconds
        self.poke()
        with self._mutex:
            while self._spool.acknowledged < number:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def _run(self) -> None:
        self._spool.ships()
        while not self._stopping.is_set():
            self._wake.wait(self._pause())
            self._wake.clear()
            self._do_chores()
            try:
                self._ship()
            except RunebookError as error:
                self._fail(error)
            except Exception as error:  # a defect must not end the shipping
                if self._stopping.is_set():
                    return  # what it worked with was closed meanwhile
                _logger.exception("Shipping failed unexpectedly; it is tried again.")
                self._fail(RunebookError(f"{type(error).__name__}: {error}"))

    def _do_chores(self) -> None:
        """They may fail, such as for a full disk, but what is there is shipped all the same: that frees space."""
        try:
            self._on_turn()
        except RunebookError as error:
            _logger.warning("%s", error)
        except Exception:  # a defect must not end the shipping
            if not self._stopping.is_set():
                _logger.exception("What is done beside shipping failed unexpectedly.")

    def _ship(self) -> None:
        """Ship what is there, and what comes meanwhile if it is much.

        A few records that come while a frame is on its way wait for the next turn: a thread that shipped each of them
        at once would never rest, and take the interpreter's lock from the training all the time.
        """
        written = self._spool.written()
        while not self._stopping.is_set():
            if self._spool.acknowledged >= written:
                written = self._spool.written()
                if written - self._spool.acknowledged < MANY_RECORDS:
                    return
            if self._courier is None:
                self._courier = Courier(self._spool, self._connect())
            refused = self._courier.ship()
            if refused is None:
                break
            if self.failure is not None:
                _logger.warning("The store is there again; what was logged meanwhile is on its way.")
            with self._mutex:
                self.refused += refused
                self.failure, self.failures = None, 0
                self._changed.notify_all()
            self._spool.prepare()

    def _fail(self, error: RunebookError) -> None:
        if self.failure is None:
            _logger.warning("%s What is logged stays in %s until then.", error, self._spool.folder.path)
        self._courier = None
        with self._mutex:
            self.failure = error
            self.failures += 1
            self._changed.notify_all()

    def _pause(self) -> float:
        """With jitter after failures, so that many clients do not come back at the same moment."""
        if not self.failures:
            return QUIET_SECONDS
        longest: float = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self.failures - 1, 10))
        return float(longest * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, no secret
