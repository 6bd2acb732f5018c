"""Saying to the store, again and again, that this process is at work on its runs."""

from __future__ import annotations

import threading
import time

import msgspec

from runebook.api.frames import LogFrame, RunPart
from runebook.client.spool.courier import Delivery
from runebook.core.ids import RunId


class Leases:
    """The runs that this process is at work on; what it ships says so once a period.

    Args:
        lease_ms: the period.

    """

    def __init__(self, lease_ms: int) -> None:
        self._lease_ms = lease_ms
        self._lock = threading.RLock()
        """A signal handler may end a run."""
        self._said_at: dict[RunId, float] = {}

    def hold(self, run_id: RunId) -> RunPart:
        """Be at work on a run. Returns what says so for the first time."""
        with self._lock:
            self._said_at[run_id] = time.monotonic()
        return self._saying(run_id)

    def release(self, run_id: str) -> None:
        with self._lock:
            self._said_at.pop(RunId(run_id), None)

    def all(self) -> list[RunPart]:
        """What says so of every run."""
        with self._lock:
            return [self._saying(run_id) for run_id in self._said_at]

    def any_held(self) -> bool:
        """Whether this process is at work on a run."""
        return bool(self._said_at)

    def first_due(self) -> RunPart | None:
        """What says so of one run for which it is time, for a process that has nothing else to ship."""
        due = self._due()
        return self._saying(due[0]) if due else None

    def added_to(self, frame: LogFrame) -> LogFrame:
        """The frame, saying so for all runs for which it is time."""
        due = self._due()
        if not due:
            return frame
        there = {part.run_id: part for part in frame.runs}
        for run_id in due:
            part = there.get(run_id)
            if part is None:
                there[run_id] = self._saying(run_id)
            elif part.lease_ms is None:
                there[run_id] = msgspec.structs.replace(part, lease_ms=self._lease_ms)
        with self._lock:
            self._said_at.update((run_id, time.monotonic()) for run_id in due if run_id in self._said_at)
        return msgspec.structs.replace(frame, runs=list(there.values()))

    def _due(self) -> list[RunId]:
        before = time.monotonic() - self._lease_ms / 1000
        with self._lock:
            return [run_id for run_id, said_at in self._said_at.items() if said_at <= before]

    def _saying(self, run_id: RunId) -> RunPart:
        return RunPart(run_id=run_id, lease_ms=self._lease_ms)


class LeasingDelivery:
    """Adds to each frame for which runs it is time."""

    def __init__(self, delivery: Delivery, leases: Leases) -> None:
        self._delivery = delivery
        self._leases = leases

    def send(self, frame: LogFrame) -> LogFrame.Reply:
        return self._delivery.send(self._leases.added_to(frame))
