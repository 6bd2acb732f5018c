"""What a store holds of points whose values say who logged them: writer and number."""

from __future__ import annotations

import itertools
import sqlite3
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from runebook.core.runs import RunStatus
from runebook.storage.sql.storage import SqlStorage

SPAN = 1_000_000_000
"""Above the number of points that one writer logs to one series."""


def value_of(writer: int, number: int) -> float:
    return float(writer * SPAN + number)


class Stored(NamedTuple):
    """One series as the store has it."""

    numbers: int
    """How many of the writer's points are there: its first ones, in order and by value."""
    counted: int
    """How many points the store has counted, one that was added twice as two."""


def open_store(uri: str) -> SqlStorage:
    return SqlStorage.open(uri, artifact_root="/artifacts")


def stored_points(storage: SqlStorage, run_id: str, key: str, writer: int) -> Stored:
    """Look behind the store: its history must be the writer's points from the first on, each once and in order."""
    with storage.read() as tx:
        points = tx.metrics.history(run_id, key).items
        counted = tx.db.fetch_one(
            "SELECT s.points FROM metric_summaries s JOIN runs r ON r.id = s.run JOIN names n ON n.id = s.name_id"
            " WHERE r.run_id = :run_id AND n.name = :key",
            run_id=run_id,
            key=key,
        )
    found = array("d", sorted(point.value for point in points))
    expected = array("d", itertools.islice(itertools.count(value_of(writer, 0), 1.0), len(points)))
    assert found == expected, f"{key} of writer {writer}: {_difference(found, expected)}"
    assert sorted(point.step for point in points) == list(range(len(points)))
    return Stored(len(points), 0 if counted is None else int(counted[0]))


def statuses(storage: SqlStorage) -> dict[str, RunStatus]:
    """Of all runs, by id."""
    with storage.read() as tx:
        ids = [run_id for (run_id,) in tx.db.fetch("SELECT run_id FROM runs")]
        return {run_id: tx.runs.get(run_id).info.status for run_id in ids}


def is_whole(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with its file."""
    connection = sqlite3.connect(path)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    finally:
        connection.close()


def _difference(found: Iterable[float], expected: Iterable[float]) -> str:
    there, wanted = set(found), set(expected)
    return f"not expected {sorted(there - wanted)[:5]}, missing {sorted(wanted - there)[:5]}"
