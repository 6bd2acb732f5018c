"""Brings the records of one spool into its store: in order, each exactly once, however often it is interrupted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec

from runebook.api.frames import LogFrame, Refusal
from runebook.client.spool.gathering import Gathering
from runebook.core.errors import (
    BadRequest,
    Conflict,
    InvalidParameterValue,
    InvalidState,
    NotFound,
    RunebookError,
    TooLarge,
)
from runebook.core.ids import WriterId

MAX_RECORDS = 50_000
"""In one frame."""

_REFUSED = (InvalidParameterValue, BadRequest, NotFound, InvalidState, Conflict, TooLarge)
"""What a store says of a frame that it will not take, however often it is sent."""

_logger = logging.getLogger("runebook.spool")


class Source(Protocol):
    """A spool to be shipped."""

    acknowledged: int

    @property
    def writer(self) -> WriterId: ...

    def gather(self, first: int, max_records: int) -> tuple[Gathering, int]:
        """Records from number `first` on, and the number up to which it looked; below `first` when none is there."""

    def acknowledge(self, number: int) -> None:
        """The store has all records up to this one."""

    def keep_refused(self, lines: Sequence[bytes]) -> None:
        """Keep what the store does not take."""


class Delivery(Protocol):
    """The way of a frame into a store."""

    def send(self, frame: LogFrame) -> LogFrame.Reply:
        """Add a frame. Raises RunebookError: refused, or the store cannot be reached."""


class Courier:
    """Ships one spool. Used by one thread."""

    def __init__(self, source: Source, delivery: Delivery) -> None:
        self._source = source
        self._delivery = delivery
        self._max_records = MAX_RECORDS

    def ship(self) -> list[Refusal] | None:
        """Ship one frame. Returns what the store would not take of it; None when there was nothing to ship.

        Raises:
            RunebookError: the store cannot take anything now; the records stay.

        """
        first = self._source.acknowledged + 1
        gathering, until = self._source.gather(first, self._max_records)
        if until < first:
            return None
        if not gathering.records:
            self._source.acknowledge(until)  # begun and never written
            return []
        frame = gathering.operation(self._source.writer, first, until)
        try:
            reply = self._delivery.send(frame)
        except _REFUSED as error:
            return self._isolate(frame, error)
        self._max_records = min(MAX_RECORDS, self._max_records * 2)
        for refusal in reply.refused:
            self._keep(refusal, frame)
        self._source.acknowledge(max(first - 1, min(reply.acknowledged, until)))
        if reply.acknowledged < first:
            raise InvalidState(
                f"The store has {reply.acknowledged} records of writer {frame.writer}, and took none of those from "
                f"{first} on. Its database may be older than the spool."
            )
        return reply.refused

    def _isolate(self, frame: LogFrame, error: RunebookError) -> list[Refusal]:
        """Send less at once, until the record that is refused stands alone; then put it aside and go on."""
        if frame.last > frame.first and self._max_records > 1:
            self._max_records = max(1, min(self._max_records, frame.last - frame.first + 1) // 2)
            return []
        refusals = [
            Refusal(run_id=part.run_id, error_code=error.error_code, message=error.message) for part in frame.runs
        ]
        for refusal in refusals:
            self._keep(refusal, frame)
        self._source.acknowledge(frame.last)
        return refusals

    def _keep(self, refusal: Refusal, frame: LogFrame) -> None:
        """In a file beside the spool, so that it is not lost; and in the log."""
        parts = [] if refusal.param else [part for part in frame.runs if part.run_id == refusal.run_id]
        kept = {"refusal": refusal, "first": frame.first, "last": frame.last, "parts": parts}
        self._source.keep_refused([msgspec.json.encode(kept)])
        _logger.error("Run %s: the store does not take what was logged: %s", refusal.run_id, refusal.message)
