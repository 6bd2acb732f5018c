"""Leases: a run whose writers have all fallen silent is ended, and opened again when one of them comes back."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec

from runebook.core.clock import now_ms
from runebook.core.ids import RunId
from runebook.core.runs import RunInfo, RunStatus
from runebook.core.tags import END_REASON, LEASE_EXPIRED, Tag
from runebook.storage.base import Storage, Transaction, TransactionConflict

FRAMES_WORTH_FOLDING_AT_END = 64
"""A run that ends is folded at once when it left so many frames: nobody else does it for an embedded store."""

PERIODS = 3
"""A lease runs out after its writer's silence of so many times the interval that it promised."""

SAID = {RunStatus.FAILED: -3, RunStatus.KILLED: -2, RunStatus.FINISHED: -1}
"""In place of a time, the lease of a writer that has left a run that others are at work on: how it left."""

_RUNS_AT_ONCE = 32
_MAX_RUNS = 1024

_log = logging.getLogger(__name__)


def end_expired(storage: Storage) -> int:
    """End runs whose writers have all been silent for too long. Returns how many.

    They are KILLED as of the moment when the last lease ran out, or FAILED if a writer that left said so. Safe from any
    number of servers at once; where another one is at it, this one leaves it to that.
    """
    now = now_ms()
    with storage.read() as tx:
        run_ids = tx.leases.expired(now, _MAX_RUNS)
    ended = 0
    for start in range(0, len(run_ids), _RUNS_AT_ONCE):
        try:
            with storage.write() as tx:
                ended += _end(tx, run_ids[start : start + _RUNS_AT_ONCE], now)
        except TransactionConflict as conflict:
            _log.debug("Ending runs whose leases ran out was left to the next time: %s", conflict)
    return ended


def _end(tx: Transaction, run_ids: list[RunId], now: int) -> int:
    """A run may have got a new lease, or have ended, since it was found."""
    infos = tx.runs.locked(run_ids, [END_REASON])
    held: dict[RunId, list[int]] = {}
    for lease in tx.leases.of(infos):
        held.setdefault(lease.run_id, []).append(lease.until_ms)
    expired = {run_id: untils for run_id, untils in held.items() if max(untils) < now}
    ended = [
        msgspec.structs.replace(
            infos[run_id], status=_status(untils), end_time=max(untils) if max(untils) >= 0 else now
        )
        for run_id, untils in expired.items()
        if infos[run_id].status is RunStatus.RUNNING
    ]
    reason = [Tag(key=END_REASON, value=LEASE_EXPIRED)]
    tx.runs.save(ended)
    tx.tags.set({info.run_id: reason for info in ended if info.status is RunStatus.KILLED})
    tx.leases.clear(expired)
    return len(ended)


def _status(untils: Iterable[int]) -> RunStatus:
    return RunStatus.FAILED if SAID[RunStatus.FAILED] in untils else RunStatus.KILLED


def worst_said(untils: Iterable[int]) -> RunStatus:
    worst = min(untils)
    return next(status for status, said in SAID.items() if said == worst)


def has_expired(tx: Transaction, info: RunInfo) -> bool:
    """Whether this run was ended because its leases ran out."""
    return info.status is RunStatus.KILLED and tx.tags.get(info.run_id, END_REASON) == LEASE_EXPIRED


def forget_lease_expiry(tx: Transaction, info: RunInfo) -> None:
    """Take the reason of a run's end away, as it has another status now."""
    if has_expired(tx, info):
        tx.tags.delete(info.run_id, END_REASON)
