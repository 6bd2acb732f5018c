"""Which runs are worth a fold, found without looking at all frames of the store; and folding them, slice by slice."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from runebook.storage.base import TransactionConflict
from runebook.storage.sql.connections import Database
from runebook.storage.sql.metric_fold import SLICE_POINTS, read_fold, write_fold
from runebook.storage.sql.session import Session

ENOUGH_FRAMES = 16
ENOUGH_POINTS_PER_SERIES = 64
TOO_MANY_FRAMES = 1024
"""A run is worth a fold when its frames hold a slice of points, or are so many, or hold enough points of each series
and are enough frames, or the last ones of a run that ended: one of fewer frames is read fast enough, and thin chunks
would be written anew too often."""

_FRAMES_AT_ONCE = 10_000
_LOOKS_PER_STEP = 100
_LATE_FRAMES = 1000
"""Transactions may commit in another order than that of their frames' ids, so so many are looked at again."""


class Folder:
    """Folds the runs of a store. Knows how far it has looked, so that a look costs what came since the last one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._seen_frame = 0
        self._waiting: dict[int, None] = {}

    def step(self, max_folds: int) -> int:
        """Fold up to so many slices, each in a transaction of its own; returns how many. One thread at a time does."""
        with self._lock:
            self._look()
            overtaken: dict[int, None] = {}
            folded = 0
            while self._waiting and folded < max_folds:
                run = next(iter(self._waiting))
                del self._waiting[run]
                if self._fold(run):
                    folded += 1
                else:
                    overtaken[run] = None
            self._waiting |= overtaken
            return folded

    def _look(self) -> None:
        """Queue the runs that frames came to since the last look, as far as they are worth it."""
        for _ in range(_LOOKS_PER_STEP):
            with self._database.reading() as db:
                rows = db.fetch(
                    "SELECT id, run FROM metric_frames WHERE id > :seen"
                    f" ORDER BY id {db.dialect.limit(str(_FRAMES_AT_ONCE))}",
                    seen=self._seen_frame,
                )
                self._waiting |= dict.fromkeys(worth_folding(db, {run for _, run in rows}))
            if rows:
                self._seen_frame = rows[-1][0] - (0 if len(rows) == _FRAMES_AT_ONCE else _LATE_FRAMES)
            if len(rows) < _FRAMES_AT_ONCE:
                return

    def _fold(self, run: int) -> bool:
        """Fold a slice of a run, which then waits again if it is worth another. False if another fold was at it."""
        with self._database.reading() as db:
            fold = read_fold(db, run)
        if fold is None:
            return True
        try:
            with self._database.writing() as db:
                write_fold(db, fold)
        except TransactionConflict:
            return False
        with self._database.reading() as db:
            self._waiting |= dict.fromkeys(worth_folding(db, [run]))
        return True


def worth_folding(db: Session, runs: Iterable[int]) -> list[int]:
    """Those of the runs whose frames are worth a fold, those with the most first."""
    frames = {
        run: (int(count), int(points))
        for run, count, points in db.fetch_in(
            "SELECT run, COUNT(*), SUM(points) FROM metric_frames WHERE run IN (:values) GROUP BY run", runs
        )
    }
    full = [run for run, (_, points) in frames.items() if points >= ENOUGH_POINTS_PER_SERIES]
    query = "SELECT id FROM runs WHERE end_time IS NOT NULL AND id IN (:values)"
    ended = {run for (run,) in db.fetch_in(query, full)}
    many = [
        run
        for run, (count, points) in frames.items()
        if run in ended or count >= ENOUGH_FRAMES or points >= SLICE_POINTS
    ]
    query = "SELECT run, COUNT(*) FROM metric_summaries WHERE run IN (:values) GROUP BY run"
    series: dict[int, int] = dict(db.fetch_in(query, many))
    found = []
    for run in many:
        count, points = frames[run]
        if points >= min(SLICE_POINTS, ENOUGH_POINTS_PER_SERIES * series.get(run, 1)) or count >= TOO_MANY_FRAMES:
            found.append(run)
    return sorted(found, key=lambda run: (-frames[run][0], run))
