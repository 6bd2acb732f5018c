"""Leases and statuses that frames bring: who is at work on a run, and when it has ended."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runebook.core.ids import RunId, WriterId
from runebook.core.runs import RunInfo, RunStatus
from runebook.core.tags import END_REASON
from runebook.services.leases import PERIODS, SAID, has_expired, worst_said
from runebook.services.log_requests import Part
from runebook.storage.base import Transaction
from runebook.storage.writers import Lease


class RunEndings:
    """Follows parts in their order, and then writes what became of their runs.

    A run that was ended because its leases ran out is opened again by a part that shows its writer alive: by a lease or
    a status. What a writer says of a shared run when it leaves is kept in the place of its lease until nobody is at
    work on the run any more; then the run ends with the worst that was said: FAILED, then KILLED, then FINISHED.

    Args:
        infos: the runs, as they are; changed as the parts are followed.

    """

    def __init__(self, tx: Transaction, now_ms: int, infos: dict[str, RunInfo]) -> None:
        self._tx = tx
        self._now_ms = now_ms
        self._infos = infos
        self._before = dict(infos)
        self._leases: dict[str, dict[WriterId, int]] = {}
        self._renewed: dict[tuple[str, WriterId], int] = {}
        self._released: set[tuple[str, WriterId]] = set()
        self._cleared: set[str] = set()

    def follow(self, parts: Iterable[Part]) -> None:
        of_frames = [part for part in parts if part.frame is not None]
        leaving = {part.run_id for part in of_frames if part.frame is not None and part.frame.leaves}
        for run_id, writer, until in self._tx.leases.of(leaving) if leaving else ():
            self._leases.setdefault(run_id, {})[writer] = until
        for part in of_frames:
            self._follow(part)

    def write(self) -> list[str]:
        """Write what changed. Returns the runs that have ended."""
        changed = [info for run_id, info in self._infos.items() if self._before.get(run_id) not in (None, info)]
        if changed:
            self._tx.runs.save(changed)
        if self._cleared:
            self._tx.leases.clear(sorted(self._cleared))
        if self._released:
            self._tx.leases.release(sorted(self._released))
        if self._renewed:
            self._tx.leases.renew(
                [Lease(RunId(run_id), writer, until) for (run_id, writer), until in sorted(self._renewed.items())]
            )
        return [run_id for run_id in sorted(self._cleared) if self._infos[run_id].status.is_terminated]

    def _follow(self, part: Part) -> None:
        frame = part.frame
        assert frame is not None
        if frame.lease_ms is not None or frame.status is not None:
            self._open_again(part.run_id)
        if frame.end_time is not None and frame.status is None:
            self._change(part.run_id, end_time=frame.end_time)
        if frame.status is not None and not frame.status.is_terminated:
            self._change(part.run_id, status=frame.status, end_time=frame.end_time)
        if frame.lease_ms is not None and not frame.leaves and not self._infos[part.run_id].status.is_terminated:
            self._renew(part.run_id, part.writer, self._now_ms + PERIODS * frame.lease_ms)
        ends = frame.status if frame.status is not None and frame.status.is_terminated else None
        end_time = self._now_ms if frame.end_time is None else frame.end_time
        if frame.leaves:
            self._leave(part.run_id, part.writer, ends, end_time)
        elif ends is not None:
            self._end(part.run_id, ends, end_time)

    def _open_again(self, run_id: str) -> None:
        info = self._infos[run_id]
        if info.status is RunStatus.KILLED and run_id not in self._cleared and has_expired(self._tx, info):
            self._tx.tags.delete(run_id, END_REASON)
            self._infos[run_id] = msgspec.structs.replace(info, status=RunStatus.RUNNING, end_time=None)

    def _leave(self, run_id: str, writer: WriterId, status: RunStatus | None, end_time: int) -> None:
        self._release(run_id, writer)
        left = self._leases.get(run_id, {}).values()
        if any(until >= self._now_ms for until in left):
            if status is not None:
                self._renew(run_id, writer, SAID[status])
            return
        before = self._infos[run_id].status
        said = [until for until in left if until < 0] + [SAID[each] for each in (status, before) if each in SAID]
        if said:
            self._end(run_id, worst_said(said), end_time)

    def _end(self, run_id: str, status: RunStatus, end_time: int) -> None:
        self._change(run_id, status=status, end_time=end_time)
        self._leases.pop(run_id, None)
        self._cleared.add(run_id)
        self._renewed = {place: until for place, until in self._renewed.items() if place[0] != run_id}

    def _renew(self, run_id: str, writer: WriterId, until: int) -> None:
        self._leases.setdefault(run_id, {})[writer] = until
        self._renewed[run_id, writer] = until
        self._released.discard((run_id, writer))

    def _release(self, run_id: str, writer: WriterId) -> None:
        self._leases.get(run_id, {}).pop(writer, None)
        self._renewed.pop((run_id, writer), None)
        self._released.add((run_id, writer))

    def _change(self, run_id: str, *, status: RunStatus | None = None, end_time: int | None) -> None:
        info = self._infos[run_id]
        self._infos[run_id] = msgspec.structs.replace(
            info, status=status or info.status, end_time=info.end_time if end_time is None else end_time
        )
