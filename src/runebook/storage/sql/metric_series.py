"""Reading one series: its chunks and the frames that were not folded yet, as one."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator

from runebook.core.metrics import Point
from runebook.storage.sql.metric_chunks import decode_chunk
from runebook.storage.sql.metric_frames import decode_frame
from runebook.storage.sql.session import Session
from runebook.storage.sql.values import stored

Place = tuple[int, int, int, float]
"""Where a point stands in its series: time, step, kind and number. Points of one place are one point."""

BEFORE_ALL: Place = (-1, 0, 0, 0.0)

_CHUNKS_AT_ONCE = 16


def place(point: Point) -> Place:
    return (point.time, point.step, *stored(point.value))


def frame_points(db: Session, run: int) -> dict[int, list[Point]]:
    """The points that no fold has seen, by the ids of their names, in the order they came in."""
    points: dict[int, list[Point]] = defaultdict(list)
    for (payload,) in db.fetch("SELECT payload FROM metric_frames WHERE run = :run ORDER BY id", run=run):
        for name_id, columns in decode_frame(payload):
            points[name_id].extend(columns)
    return points


def series(db: Session, run: int, name_id: int, after: Place = BEFORE_ALL) -> Iterator[Point]:
    """The distinct points behind a place, in order. Chunks are read as the caller goes on."""
    fresh = distinct(frame_points(db, run).get(name_id, []))
    last = after
    for point in heapq.merge(_chunk_points(db, run, name_id, after[0]), fresh, key=place):
        here = place(point)
        if here > last:
            yield point
            last = here


def points_within(db: Session, run: int, name_id: int, lowest: int, highest: int) -> list[Point]:
    """The distinct points with steps between the two, both inclusive, in order."""
    rows = db.fetch(
        "SELECT payload FROM metric_chunks WHERE run = :run AND name_id = :name_id"
        " AND last_step >= :lowest AND first_step <= :highest ORDER BY number",
        run=run,
        name_id=name_id,
        lowest=lowest,
        highest=highest,
    )
    points = [point for (payload,) in rows for point in decode_chunk(payload)]
    points += frame_points(db, run).get(name_id, [])
    return distinct(point for point in points if lowest <= point.step <= highest)


def distinct(points: Iterable[Point]) -> list[Point]:
    """The points in order, each place once."""
    found = {place(point): point for point in points}
    return [found[here] for here in sorted(found)]


def _chunk_points(db: Session, run: int, name_id: int, from_time: int) -> Iterator[Point]:
    number = -1
    while True:
        rows = db.fetch(
            "SELECT number, payload FROM metric_chunks WHERE run = :run AND name_id = :name_id AND number > :number"
            f" AND last_time >= :from_time ORDER BY number {db.dialect.limit(str(_CHUNKS_AT_ONCE))}",
            run=run,
            name_id=name_id,
            number=number,
            from_time=from_time,
        )
        for _, payload in rows:
            yield from decode_chunk(payload)
        if len(rows) < _CHUNKS_AT_ONCE:
            return
        number = rows[-1][0]
