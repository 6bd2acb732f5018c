"""Use cases of what runs log: all requests of many callers as one, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from runebook.api.frames import LogFrame
from runebook.api.metrics import LogMetric
from runebook.api.operation import Nothing
from runebook.api.params import LogParam
from runebook.api.runs import LogBatch
from runebook.api.tags import SetTag
from runebook.core.errors import RunebookError
from runebook.core.ids import WriterId
from runebook.services.context import Context
from runebook.services.handlers import handles
from runebook.services.log_requests import Loggable, Part, parts_of
from runebook.services.logging_group import LoggingGroup
from runebook.storage.base import Transaction


@handles(LogFrame)
def log_frame(tx: Transaction, request: LogFrame, context: Context) -> LogFrame.Reply:
    reply: LogFrame.Reply = _log(tx, request, context)
    return reply


def log_one(tx: Transaction, request: LogMetric | LogBatch | LogParam | SetTag, context: Context) -> Nothing:
    """Do one request as if it came alone; raises the error for which it is refused."""
    reply: Nothing = _log(tx, request, context)
    return reply


def _log(tx: Transaction, request: Loggable, context: Context) -> Any:
    (reply,) = log_all(tx, [request], context, folds=True)
    if isinstance(reply, RunebookError):
        raise reply
    return reply


class _Asked(Struct):
    """A request on its way, and what is to be said of it."""

    request: Loggable
    parts: list[Part] = field(default_factory=list)
    error: RunebookError | None = None
    acknowledged: int = 0

    def reply(self) -> Nothing | LogFrame.Reply | RunebookError:
        if self.error is not None:
            return self.error
        if isinstance(self.request, LogFrame):
            refused = [refusal for part in self.parts for refusal in part.refusals()]
            return LogFrame.Reply(acknowledged=self.acknowledged, refused=refused)
        return next((part.error for part in self.parts if part.error is not None), None) or Nothing()


def log_all(
    tx: Transaction, requests: Sequence[Loggable], context: Context, *, folds: bool = False
) -> list[Nothing | LogFrame.Reply | RunebookError]:
    """Do all requests, in order and in one transaction, in a number of statements that does not grow with them.

    Every request is done whole or leaves no trace, beside the others. Inputs and outputs of runs, which are few, take
    statements of their own; so do experiments, and runs that were ended because their leases had run out.

    Args:
        folds: whether the points of a run that ends are folded at once, as nobody else does it for an embedded store.

    Returns:
        For each request its reply, or the error for which it is refused.

    Raises:
        TransactionConflict: do all of it anew.
        RunebookError: the store refuses; it does not say which of them. Nothing may be committed: do each alone.

    """
    asked = [_asked(request) for request in requests]
    advanced = _skip_what_is_there(tx, asked)
    LoggingGroup(tx, context, folds=folds).add([part for one in asked for part in one.parts])
    tx.writers.advance(advanced, context.now_ms)
    return [one.reply() for one in asked]


def _asked(request: Loggable) -> _Asked:
    try:
        return _Asked(request=request, parts=parts_of(request))
    except RunebookError as error:
        return _Asked(request=request, error=error)


def _skip_what_is_there(tx: Transaction, asked: Sequence[_Asked]) -> dict[WriterId, int]:
    """Take the parts of frames that were added before. Returns how far writers will have come with the others."""
    frames = [(one, one.request) for one in asked if isinstance(one.request, LogFrame) and one.error is None]
    if not frames:
        return {}
    last = tx.writers.last_sequences({WriterId(frame.writer) for _, frame in frames})
    advanced: dict[WriterId, int] = {}
    for one, frame in frames:
        writer = WriterId(frame.writer)
        there = advanced.get(writer, last.get(writer, 0))
        if frame.first <= there:
            one.parts, one.acknowledged = [], there
        else:
            one.acknowledged = advanced[writer] = frame.last
    return advanced
