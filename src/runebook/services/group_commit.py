"""Writes of all callers of a process, committed together, so that many of them share the cost of one commit."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from runebook.api.frames import LogFrame
from runebook.api.metrics import LogMetric
from runebook.api.operation import Operation
from runebook.api.params import LogParam
from runebook.api.runs import CreateRun, LogBatch, UpdateRun
from runebook.api.tags import SetTag
from runebook.core.errors import RunebookError, TemporarilyUnavailable
from runebook.core.ids import WriterId
from runebook.services.context import Caller, Context
from runebook.services.dispatch import PATIENCE_S, Services, answer
from runebook.services.frames import log_all
from runebook.services.run_groups import create_all, update_all
from runebook.storage.base import Transaction, TransactionConflict

_LOGGING, _CHANGING_RUNS, _MAKING_RUNS = range(3)

_STAGE_OF: dict[type[Operation], int] = {
    **dict.fromkeys((LogMetric, LogBatch, LogParam, SetTag, LogFrame), _LOGGING),
    UpdateRun: _CHANGING_RUNS,
    CreateRun: _MAKING_RUNS,
}

GROUPED = frozenset(_STAGE_OF)
"""Operations that are committed together."""

ATTEMPTS = 4
"""Times that a group is tried while other transactions get in its way."""

MAX_GROUP = 512
MAX_GROUP_BYTES = 16 * 1024 * 1024
"""Writes, and bytes of their bodies, in one transaction; one that is larger goes alone."""

MANY = 8
LINGER_S = 0.001
"""After a group of many writes, one that is less than half as large waits for so long: those who were just answered
are about to write again, and a commit costs the same for all of them."""

MAX_WAITING = 16_384
MAX_WAITING_BYTES = 256 * 1024 * 1024
"""Writes, and bytes of their bodies, that may wait for their transaction; further ones are refused for the moment."""

TokenT = TypeVar("TokenT")


class Write(NamedTuple):
    """A request that waits to be committed."""

    request: Operation
    caller: Caller
    size_bytes: int


class GroupCommit(Generic[TokenT]):
    """A queue of writes, and the thread that commits what is in it, all of it that fits into one transaction.

    What is put into it is done whole or not at all, and is durable when it is delivered as done. Those of a group are
    done in the order in which they were put, as far as that can be told from outside.

    Args:
        services: whose store, authorizer and handlers are used.
        deliver: is told in the thread what became of a group: for each token the reply, or the error.

    """

    def __init__(self, services: Services, deliver: Callable[[list[tuple[TokenT, Any]]], None]) -> None:
        self._services = services
        self._deliver = deliver
        self._waiting: deque[tuple[TokenT, Write]] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._last_size = 0
        self._thread = threading.Thread(target=self._run, name="group commit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when all that was put is committed, and delivered."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def put(self, token: TokenT, write: Write) -> None:
        """Have a write committed; what became of it is delivered with the token.

        Raises:
            TemporarilyUnavailable: too many wait already, or it is too late.

        """
        with self._changed:
            if self._stopping:
                raise TemporarilyUnavailable("The server is stopping; nothing was changed. Try again.")
            if len(self._waiting) >= MAX_WAITING or self._waiting_bytes + write.size_bytes > MAX_WAITING_BYTES:
                raise TemporarilyUnavailable("The store is behind with what it was sent. Try again in a moment.")
            self._waiting.append((token, write))
            self._waiting_bytes += write.size_bytes
            if len(self._waiting) == 1:
                self._changed.notify()

    def _run(self) -> None:
        while group := self._take():
            outcomes = commit_together(self._services, [write for _, write in group])
            if all(isinstance(outcome, TemporarilyUnavailable) for outcome in outcomes):
                # The store is away, or locked for long: those behind need not find that out one group at a time.
                rest = self._take_all()
                group += rest
                outcomes += [_again(outcomes[0]) for _ in rest]
            self._deliver([(token, outcome) for (token, _), outcome in zip(group, outcomes, strict=True)])

    def _take(self) -> list[tuple[TokenT, Write]]:
        """The next group, waited for; none when the end has come."""
        group: list[tuple[TokenT, Write]] = []
        size = 0
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            others_are_near = self._last_size >= MANY and len(self._waiting) * 2 < self._last_size
        if others_are_near:
            time.sleep(LINGER_S)
        with self._changed:
            while self._waiting and len(group) < MAX_GROUP:
                size += self._waiting[0][1].size_bytes
                if group and size > MAX_GROUP_BYTES:
                    break
                group.append(self._waiting.popleft())
                self._waiting_bytes -= group[-1][1].size_bytes
        self._last_size = len(group)
        return group

    def _take_all(self) -> list[tuple[TokenT, Write]]:
        with self._changed:
            everything = list(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
        return everything


class _AllRefused(Exception):
    """There is nothing to commit, not even the names that what was refused asked for."""

    def __init__(self, outcomes: list[Any]) -> None:
        super().__init__()
        self.outcomes = outcomes


def commit_together(services: Services, writes: Sequence[Write], attempts: int = ATTEMPTS) -> list[Any]:
    """What became of each write: its reply, or the error for which it left no trace.

    All go into one transaction. When that fails for a reason that is not the store's, or because other transactions
    keep getting in the way, it is done anew in halves, until the culprit is alone.
    """
    try:
        if len(writes) == 1 and getattr(writes[0].request, "idempotency_key", None) is not None:
            return [services.call(writes[0].request, writes[0].caller)]
        return _commit(services, writes, attempts)
    except TransactionConflict as conflict:
        if len(writes) == 1:
            return [TemporarilyUnavailable(f"{conflict} Nothing was changed. Try again.")]
        attempts = 1  # one of them wants what somebody holds: the others have waited enough
    except TemporarilyUnavailable as error:
        return [error, *(_again(error) for _ in writes[1:])]
    except Exception as error:  # noqa: BLE001  # it is delivered to the one whose it is
        if len(writes) == 1:
            return [error]
    half = len(writes) // 2
    return commit_together(services, writes[:half], attempts) + commit_together(services, writes[half:], attempts)


def _commit(services: Services, writes: Sequence[Write], attempts: int) -> list[Any]:
    """Raises TransactionConflict: at every attempt another transaction got in the way."""
    until = time.monotonic() + PATIENCE_S
    attempt = 0
    while True:
        attempt += 1
        try:
            with services.storage.write() as tx:
                outcomes = _do_all(services, tx, writes)
                if all(isinstance(outcome, Exception) for outcome in outcomes):
                    raise _AllRefused(outcomes)
                return outcomes
        except _AllRefused as refused:
            return refused.outcomes
        except TransactionConflict as conflict:
            if time.monotonic() > until:
                raise TemporarilyUnavailable(f"{conflict} Nothing was changed. Try again.") from conflict
            if attempt >= attempts:
                raise
            time.sleep(random.uniform(0, 0.005 * 2**attempt))  # noqa: S311  # jitter, no secret


def _do_all(services: Services, tx: Transaction, writes: Sequence[Write]) -> list[Any]:
    """Raises whatever keeps one of them from being done together with the others."""
    outcomes: dict[int, Any] = {}
    alike: dict[tuple[int, Caller], list[int]] = {}
    for place, (request, caller, _) in enumerate(writes):
        try:
            services.authorizer.authorize(caller, type(request).spec.needs, request, tx)
        except TemporarilyUnavailable:
            raise
        except RunebookError as error:
            outcomes[place] = error
            continue
        alike.setdefault((_stage(request), caller), []).append(place)
    locking = [places for (stage, _), places in alike.items() if stage < _MAKING_RUNS]
    if len(locking) > 1:
        _lock(tx, [writes[place].request for places in locking for place in places])
    for stage, caller in sorted(alike):
        places, context = alike[stage, caller], services.context(caller)
        requests = [writes[place].request for place in places]
        replies = _STAGES[stage](tx, requests, context)
        outcomes.update(zip(places, replies, strict=True))
    return [outcomes[place] for place in range(len(writes))]


def _stage(request: Operation) -> int:
    known_again = getattr(request, "idempotency_key", None) is not None
    return len(_STAGES) - 1 if known_again else _STAGE_OF[type(request)]


def _answer_each(tx: Transaction, requests: Sequence[Operation], context: Context) -> list[Any]:
    return [answer(tx, request, context) for request in requests]


def _lock(tx: Transaction, requests: Sequence[Any]) -> None:
    """Take the locks of all requests in the order in which every transaction takes them: writers, then runs."""
    frames = [request for request in requests if isinstance(request, LogFrame)]
    tx.writers.last_sequences({WriterId(frame.writer) for frame in frames})
    named = {request.run_id for request in requests if not isinstance(request, (LogFrame, CreateRun))}
    tx.runs.locked(named | {part.run_id for frame in frames for part in frame.runs})


_STAGES: tuple[Callable[[Transaction, Sequence[Any], Context], list[Any]], ...] = (
    log_all,
    update_all,
    create_all,
    _answer_each,
)
"""What a transaction does, in this order, as all take their locks in one: writers, runs, names, experiments. Each but
the last does many requests in a constant number of statements; the last those that name an idempotency key."""


def _again(error: TemporarilyUnavailable) -> TemporarilyUnavailable:
    """An error of its own for each: a raised one keeps the trace of where it went."""
    return TemporarilyUnavailable(error.message)
