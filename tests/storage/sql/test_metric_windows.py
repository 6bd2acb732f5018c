from __future__ import annotations

import random
from array import array
from itertools import pairwise

import pytest

from runebook.core.columns import Columns
from runebook.core.metrics import Point
from runebook.storage.sql.metric_chunks import CHUNK_POINTS
from runebook.storage.sql.metric_order import merged, ordered, part, place
from runebook.storage.sql.metric_windows import NUMBER_GAP, ChunkHead, Window, numbers, sizes, windows

Series = dict[int, Columns]
"""Chunks by their numbers."""


def heads(series: Series) -> list[ChunkHead]:
    return [
        ChunkHead(number, min(chunk.steps), max(chunk.steps), chunk.times[0], chunk.times[-1], len(chunk))
        for number, chunk in sorted(series.items())
    ]


def fold(series: Series, points: Columns) -> int:
    """Bring points in as a fold does; returns how many points were written."""
    known = heads(series)
    points = ordered(points)
    written = 0
    for window in windows(known, points):
        replaced = [series.pop(head.number) for head in known[window.first : window.last]]
        whole = merged([*replaced, part(points, window.start, window.end)])
        counts = sizes(len(whole), at_end=window.last == len(known))
        start = 0
        for number, count in zip(numbers(known, window, len(counts)), counts, strict=True):
            assert number not in series
            assert 0 < count <= CHUNK_POINTS
            series[number] = part(whole, start, start + count)
            start += count
        written += len(whole)
    return written


def is_in_order(series: Series) -> bool:
    chunks = [series[number] for number in sorted(series)]
    inside = all(ordered(chunk) == chunk for chunk in chunks)
    return inside and all(place(one, -1) < place(other, 0) for one, other in pairwise(chunks))


def everything(series: Series) -> Columns:
    return Columns.joined(series[number] for number in sorted(series))


def run_of(first: int, count: int, *, ms: int = 1, late: int = 0) -> Columns:
    return Columns(
        array("q", range(first, first + count)),
        array("q", (first * ms + late + place * ms for place in range(count))),
        array("d", [0.5]) * count,
    )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("metric_windows", "metric_chunks"):
        monkeypatch.setattr(f"runebook.storage.sql.{module}.CHUNK_POINTS", 8)
    monkeypatch.setitem(globals(), "CHUNK_POINTS", 8)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("seed", range(40))
def test_any_points_in_any_order_end_up_once_and_in_order(seed: int) -> None:
    rng = random.Random(seed)
    times = rng.choice([1, 3, 40, 100_000])
    steps = rng.choice([1, 5, 1000])
    series: Series = {}
    sent: list[Point] = []
    for turn in range(40):
        at = rng.choice([0, turn * times // 40])
        points = [
            Point(rng.randrange(steps), at + rng.randrange(times), float(rng.randrange(3)))
            for _ in range(rng.randrange(1, 20))
        ]
        sent += points
        fold(series, Columns.of(points))
        assert is_in_order(series)

    assert everything(series) == ordered(Columns.of(sent))


@pytest.mark.usefixtures("small_chunks")
def test_chunks_that_were_numbered_without_gaps_are_split_by_renumbering_those_behind() -> None:
    series: Series = {number: run_of(number * 8, 8) for number in range(5)}
    late = Columns.of([Point(-1, 20, float(value)) for value in range(30)])
    fold(series, late)

    assert is_in_order(series)
    assert len(everything(series)) == 70
    assert min(series) == 0


def test_points_that_come_in_order_are_each_written_a_few_times_only() -> None:
    series: Series = {}
    written = 0
    for first in range(0, 100_000, 64):
        written += fold(series, run_of(first, 64))

    assert written < 12 * 100_000
    assert len(series) < 100_000 / CHUNK_POINTS + 14
    assert [head.points for head in heads(series)[:5]] == [CHUNK_POINTS] * 5


def test_points_without_times_of_their_own_are_appended_by_their_steps() -> None:
    series: Series = {}
    written = sum(fold(series, run_of(first, 1000, ms=0)) for first in range(0, 100_000, 1000))

    assert is_in_order(series)
    assert written < 10 * 100_000


def test_late_points_rewrite_the_chunks_they_reach_into_and_no_other() -> None:
    series: Series = {}
    fold(series, run_of(0, 10 * CHUNK_POINTS, ms=10))
    before = dict(series)
    written = fold(series, Columns.of([Point(7, 5, 0.5), Point(8, 5 * CHUNK_POINTS * 10 + 5, 0.5)]))

    assert written == 2 * CHUNK_POINTS + 2
    kept = [number for number, chunk in before.items() if series.get(number) is chunk]
    assert len(kept) == 8
    assert is_in_order(series)


def test_a_chunk_that_is_split_leaves_the_numbers_behind_it() -> None:
    known = [ChunkHead(place * NUMBER_GAP, 0, 9, place * 10, place * 10 + 9, CHUNK_POINTS) for place in range(3)]

    assert windows(known, Columns.of([Point(0, 14, 0.5)])) == [Window(1, 2, 0, 1)]
    assert numbers(known, Window(1, 2, 0, 1), 2) == [NUMBER_GAP, NUMBER_GAP + NUMBER_GAP // 2]
    assert sizes(CHUNK_POINTS + 1, at_end=False) == [CHUNK_POINTS // 2, CHUNK_POINTS // 2 + 1]
    assert sizes(CHUNK_POINTS + 1, at_end=True) == [CHUNK_POINTS, 1]
