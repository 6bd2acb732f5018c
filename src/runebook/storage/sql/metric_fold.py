"""The fold: frames of a run become chunks of its series. Readers see the same points before and after."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.core.columns import Columns
from runebook.core.metrics import Point
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.metric_chunks import decode_chunk, encode_chunk
from runebook.storage.sql.metric_series import distinct, frame_points
from runebook.storage.sql.session import Row, Session

METRIC_CHUNKS = Rows(
    "metric_chunks",
    ("run", "name_id", "number"),
    ("first_step", "last_step", "first_time", "last_time", "points", "payload"),
)

CHUNK_POINTS = 4096
FRAMES_WORTH_FOLDING = 16
"""A run with fewer frames is read fast enough as it is."""


def runs_to_fold(db: Session, max_runs: int) -> list[str]:
    """The public ids of runs with many frames, those with the most first."""
    rows = db.fetch(
        "SELECT r.run_id, f.frames FROM"
        " (SELECT run, COUNT(*) AS frames FROM metric_frames"
        " GROUP BY run HAVING COUNT(*) >= :enough) f"
        f" JOIN runs r ON r.id = f.run ORDER BY f.frames DESC, r.id {db.dialect.limit(':max_runs')}",
        enough=FRAMES_WORTH_FOLDING,
        max_runs=max_runs,
    )
    return [run_id for run_id, _ in rows]


def fold_run(db: Session, run: int, at_least: int = 1) -> int:
    """Fold all frames of a run that is locked, if they are so many. Returns the number folded."""
    (frames,) = db.fetch_one("SELECT COUNT(*) FROM metric_frames WHERE run = :run", run=run) or (0,)
    if frames < at_least:
        return 0
    for name_id, points in sorted(frame_points(db, run).items()):
        _fold_series(db, run, name_id, points)
    db.execute("DELETE FROM metric_frames WHERE run = :run", run=run)
    return int(frames)


def _fold_series(db: Session, run: int, name_id: int, points: Sequence[Point]) -> None:
    """Rewrite the chunks from the first that the points reach into, the last one at least when it is not full."""
    number, there = _chunks_from(db, run, name_id, min(point.time for point in points))
    db.execute(
        "DELETE FROM metric_chunks WHERE run = :run AND name_id = :name_id AND number >= :number",
        run=run,
        name_id=name_id,
        number=number,
    )
    merged = distinct([*there, *points])
    db.insert(
        METRIC_CHUNKS,
        [
            _chunk(run, name_id, number + place, merged[start : start + CHUNK_POINTS])
            for place, start in enumerate(range(0, len(merged), CHUNK_POINTS))
        ],
    )
    db.execute(
        "UPDATE metric_summaries SET points ="
        " (SELECT SUM(c.points) FROM metric_chunks c WHERE c.run = :run AND c.name_id = :name_id)"
        " WHERE run = :run AND name_id = :name_id",
        run=run,
        name_id=name_id,
    )


def _chunks_from(db: Session, run: int, name_id: int, time: int) -> tuple[int, list[Point]]:
    """The number of the first chunk to rewrite, and the points of it and of all behind it."""
    rows = db.fetch(
        "SELECT number, points, last_time FROM metric_chunks WHERE run = :run AND name_id = :name_id ORDER BY number",
        run=run,
        name_id=name_id,
    )
    reached = [number for number, _, last_time in rows if last_time >= time]
    if reached:
        first = reached[0]
    elif rows and rows[-1][1] < CHUNK_POINTS:
        first = rows[-1][0]
    else:
        return len(rows), []
    payloads = db.fetch(
        "SELECT payload FROM metric_chunks WHERE run = :run AND name_id = :name_id AND number >= :first"
        " ORDER BY number",
        run=run,
        name_id=name_id,
        first=first,
    )
    return first, [point for (payload,) in payloads for point in decode_chunk(payload)]


def _chunk(run: int, name_id: int, number: int, points: Sequence[Point]) -> Row:
    steps = [point.step for point in points]
    return (
        run,
        name_id,
        number,
        min(steps),
        max(steps),
        points[0].time,
        points[-1].time,
        len(points),
        encode_chunk(Columns.of(points)),
    )
