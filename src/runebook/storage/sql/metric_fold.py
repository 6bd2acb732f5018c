"""The fold: frames of a run become chunks of its series. Readers see the same points before and after.

A fold takes a slice of the run's frames, the oldest, reads them and the chunks that they reach into, and encodes what
takes their place; then one short transaction deletes exactly what was read and writes the new. It may be killed at any
time, and any number of servers may fold at once: as each takes the oldest frames, of two that worked on one run the
second finds a frame gone, and gives up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from runebook.core.columns import Columns
from runebook.storage.base import TransactionConflict
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.metric_chunks import decode_chunk, encode_chunk
from runebook.storage.sql.metric_frames import decode_frame, encode_frame
from runebook.storage.sql.metric_order import merged, ordered, part
from runebook.storage.sql.metric_windows import ChunkHead, Window, numbers, sizes, windows
from runebook.storage.sql.session import Row, Session

METRIC_FRAMES = Rows("metric_frames", (), ("run", "points", "payload"))
METRIC_CHUNKS = Rows(
    "metric_chunks",
    ("run", "name_id", "number"),
    ("first_step", "last_step", "first_time", "last_time", "points", "payload"),
)

SLICE_POINTS = 250_000
"""Of frames in one fold, and about as many series' worth of chunks beside them: what a fold holds in memory."""

SLICE_FRAMES = 4096
REWRITTEN_POINTS = 1_000_000
"""Of chunks that one fold rewrites; series beyond it go back into a frame, for the next fold."""

FOLDED_WITHIN_SERIES = 1000
"""A transaction that others wait for folds a slice of a run of at most so many series: about a tenth of a second."""


class Overtaken(TransactionConflict):
    """Another fold was faster. Nothing must be changed."""


class Fold(NamedTuple):
    """What one transaction does: the rows to delete and to write, and by how much each series had been overcounted."""

    run: int
    frames: int
    last_frame: int
    replaced: list[Row]
    chunks: list[Row]
    rest: list[tuple[int, Columns]]
    repeated: dict[int, int]


def fold_within(db: Session, run: int, at_least: int) -> int:
    """Fold a slice of a run that this transaction has locked, if it has so many frames. Returns the number folded."""
    (frames,) = db.fetch_one("SELECT COUNT(*) FROM metric_frames WHERE run = :run", run=run) or (0,)
    if frames < at_least:
        return 0
    (series,) = db.fetch_one("SELECT COUNT(*) FROM metric_summaries WHERE run = :run", run=run) or (0,)
    fold = read_fold(db, run) if series <= FOLDED_WITHIN_SERIES else None
    if fold is None:
        return 0
    write_fold(db, fold)
    return fold.frames


def read_fold(db: Session, run: int) -> Fold | None:
    """The next fold of a run, worked out; None if it has no frames. Changes nothing."""
    frames, last_frame, series = _oldest_frames(db, run)
    if not frames:
        return None
    fold = Fold(run, frames, last_frame, [], [], [], {})
    points = {name_id: ordered(columns) for name_id, columns in series.items()}
    heads = _chunk_heads(db, run, points)
    budget = REWRITTEN_POINTS
    for name_id, columns in points.items():
        if budget < 0:
            fold.rest.append((name_id, series[name_id]))
            continue
        repeated = len(series[name_id]) - len(columns)
        for window in windows(heads[name_id], columns):
            there = _read_window(db, run, name_id, heads[name_id][window.first : window.last])
            budget -= sum(map(len, there))
            whole = merged([*there, part(columns, window.start, window.end)])
            repeated += sum(map(len, there)) + window.end - window.start - len(whole)
            fold.replaced.extend((run, name_id, head.number) for head in heads[name_id][window.first : window.last])
            fold.chunks.extend(_chunk_rows(run, name_id, heads[name_id], window, whole))
        if repeated:
            fold.repeated[name_id] = repeated
    return fold


def write_fold(db: Session, fold: Fold) -> None:
    """Put the new in the place of what was read.

    Raises:
        Overtaken: some of that is gone; the transaction must be rolled back.

    """
    db.fetch(db.dialect.select_locked("id", "runs", "id = :run"), run=fold.run)
    frames = db.execute(
        "DELETE FROM metric_frames WHERE run = :run AND id <= :last", run=fold.run, last=fold.last_frame
    )
    if frames != fold.frames or db.delete(METRIC_CHUNKS, fold.replaced) != len(fold.replaced):
        raise Overtaken
    db.insert(METRIC_CHUNKS, fold.chunks)
    if fold.rest:
        points = sum(len(columns) for _, columns in fold.rest)
        db.insert(METRIC_FRAMES, [(fold.run, points, encode_frame(fold.rest))])
    for name_id, repeated in sorted(fold.repeated.items()):
        db.execute(
            "UPDATE metric_summaries SET points = points - :repeated WHERE run = :run AND name_id = :name_id",
            repeated=repeated,
            run=fold.run,
            name_id=name_id,
        )


def _oldest_frames(db: Session, run: int) -> tuple[int, int, dict[int, Columns]]:
    """The number of frames in a slice, the id of its last, and its points by name."""
    rows = db.fetch(
        f"SELECT id, points FROM metric_frames WHERE run = :run ORDER BY id {db.dialect.limit(str(SLICE_FRAMES))}",
        run=run,
    )
    count = total = 0
    for _, points in rows:
        if count and total + points > SLICE_POINTS:
            break
        count, total = count + 1, total + points
    if not count:
        return 0, 0, {}
    last = rows[count - 1][0]
    payloads = db.fetch(
        "SELECT payload FROM metric_frames WHERE run = :run AND id <= :last ORDER BY id", run=run, last=last
    )
    return len(payloads), last, by_name(payload for (payload,) in payloads)


def by_name(payloads: Iterable[bytes]) -> dict[int, Columns]:
    """The points of frames, as they came, by the ids of their names."""
    found: dict[int, list[Columns]] = {}
    for payload in payloads:
        for name_id, columns in decode_frame(payload):
            found.setdefault(name_id, []).append(columns)
    return {name_id: Columns.joined(found[name_id]) for name_id in sorted(found)}


def _chunk_heads(db: Session, run: int, names: Iterable[int]) -> Mapping[int, list[ChunkHead]]:
    heads: dict[int, list[ChunkHead]] = {name_id: [] for name_id in names}
    rows = db.fetch_in(
        "SELECT name_id, number, first_step, last_step, first_time, last_time, points FROM metric_chunks"
        " WHERE run = :run AND name_id IN (:values) ORDER BY name_id, number",
        heads,
        run=run,
    )
    for name_id, *head in rows:
        heads[name_id].append(ChunkHead(*head))
    return heads


def _read_window(db: Session, run: int, name_id: int, heads: Sequence[ChunkHead]) -> list[Columns]:
    if not heads:
        return []
    rows = db.fetch(
        "SELECT payload FROM metric_chunks WHERE run = :run AND name_id = :name_id"
        " AND number >= :first AND number <= :last ORDER BY number",
        run=run,
        name_id=name_id,
        first=heads[0].number,
        last=heads[-1].number,
    )
    return [decode_chunk(payload) for (payload,) in rows]


def _chunk_rows(run: int, name_id: int, heads: Sequence[ChunkHead], window: Window, points: Columns) -> Iterator[Row]:
    counts = sizes(len(points), at_end=window.last == len(heads))
    start = 0
    for number, count in zip(numbers(heads, window, len(counts)), counts, strict=True):
        chunk = part(points, start, start + count)
        steps = (min(chunk.steps), max(chunk.steps))
        yield (run, name_id, number, *steps, chunk.times[0], chunk.times[-1], count, encode_chunk(chunk))
        start += count
