"""Reading one series: its chunks and the frames that were not folded yet, as one."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import compress

from runebook.core.columns import Columns
from runebook.core.limits import MIN_INT64
from runebook.storage.sql.metric_chunks import CHUNK_POINTS, decode_chunk
from runebook.storage.sql.metric_frames import decode_frame
from runebook.storage.sql.metric_order import Place, behind, merged, ordered, part, place
from runebook.storage.sql.session import Session

_MAX_CHUNKS_AT_ONCE = 16


def points_behind(db: Session, run: int, name_id: int, after: Place | None, most: int | None) -> Columns:
    """The points behind a place, in order, each once: so many of them, or all."""
    fresh = ordered(_frame_points(db, run, name_id))
    found: list[Columns] = []
    left = most
    for chunk in _chunks(db, run, name_id, after, most):
        here = behind(fresh, place(chunk, -1))
        points = merged([chunk, part(fresh, 0, here)]) if here else chunk
        fresh = part(fresh, here, len(fresh)) if here else fresh
        points = _behind(points, after)
        found.append(points)
        if left is not None:
            left -= len(points)
            if left <= 0:
                break
    else:
        found.append(_behind(fresh, after))
    whole = found[0] if len(found) == 1 else Columns.joined(found)
    return whole if most is None or len(whole) <= most else part(whole, 0, most)


def points_within(db: Session, run: int, name_id: int, lowest: int, highest: int) -> Columns:
    """The points with steps between the two, both inclusive, in order, each once."""
    rows = db.fetch(
        "SELECT payload FROM metric_chunks WHERE run = :run AND name_id = :name_id"
        " AND last_step >= :lowest AND first_step <= :highest ORDER BY number",
        run=run,
        name_id=name_id,
        lowest=lowest,
        highest=highest,
    )
    chunks = [decode_chunk(payload) for (payload,) in rows]
    fresh = ordered(_frame_points(db, run, name_id))
    return merged([_within(columns, lowest, highest) for columns in (*chunks, fresh)])


def _frame_points(db: Session, run: int, name_id: int) -> Columns:
    """The points that no fold has seen, in the order they came in."""
    rows = db.fetch("SELECT payload FROM metric_frames WHERE run = :run ORDER BY id", run=run)
    return Columns.joined(columns for (payload,) in rows for _, columns in decode_frame(payload, only=name_id))


def _chunks(db: Session, run: int, name_id: int, after: Place | None, most: int | None) -> Iterator[Columns]:
    """The chunks that have points behind a place, in order, read as the caller goes on."""
    size = _MAX_CHUNKS_AT_ONCE if most is None else min(most // CHUNK_POINTS + 2, _MAX_CHUNKS_AT_ONCE)
    number = -1
    while True:
        rows = db.fetch(
            "SELECT number, payload FROM metric_chunks WHERE run = :run AND name_id = :name_id AND number > :number"
            f" AND last_time >= :from_time ORDER BY number {db.dialect.limit(str(size))}",
            run=run,
            name_id=name_id,
            number=number,
            from_time=after[0] if after else MIN_INT64,
        )
        for _, payload in rows:
            yield decode_chunk(payload)
        if len(rows) < size:
            return
        number = rows[-1][0]


def _behind(points: Columns, after: Place | None) -> Columns:
    start = behind(points, after) if after else 0
    return part(points, start, len(points)) if start else points


def _within(points: Columns, lowest: int, highest: int) -> Columns:
    steps = points.steps
    if not steps or (lowest <= min(steps) and max(steps) <= highest):
        return points
    return chosen(points, [lowest <= step <= highest for step in steps])


def chosen(points: Columns, mask: Sequence[bool]) -> Columns:
    """The points for which the mask holds."""
    return Columns(
        array("q", compress(points.steps, mask)),
        array("q", compress(points.times, mask)),
        array("d", compress(points.values, mask)),
    )
