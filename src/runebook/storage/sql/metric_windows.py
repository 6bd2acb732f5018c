"""Which chunks of a series new points make to be written anew, and under which numbers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from runebook.core.columns import Columns
from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.storage.sql.metric_chunks import CHUNK_POINTS

NUMBER_GAP = 1 << 20
"""Between the numbers of chunks that were written in order, so that each can be split and those behind stay."""

_GROWTH = 2
"""A chunk at the end that is not full joins what comes once that is half as much: so a point is written about log2
times until its chunk is full, and a series has about log2 chunks that are not."""


class ChunkHead(NamedTuple):
    """What is known of a chunk without reading it: the steps are the lowest and highest, the times first and last."""

    number: int
    first_step: int
    last_step: int
    first_time: int
    last_time: int
    points: int

    @property
    def low(self) -> tuple[int, int]:
        """No point of it is before this time and step."""
        return (self.first_time, self.first_step if self._is_one_time else MIN_INT64)

    @property
    def high(self) -> tuple[int, int]:
        """No point of it is behind this time and step."""
        return (self.last_time, self.last_step if self._is_one_time else MAX_INT64)

    @property
    def _is_one_time(self) -> bool:
        return self.first_time == self.last_time


class Window(NamedTuple):
    """Chunks from `first` to before `last` are replaced by themselves with the points from `start` to before `end`."""

    first: int
    last: int
    start: int
    end: int


def windows(chunks: Sequence[ChunkHead], points: Columns) -> list[Window]:
    """The disjoint windows, in order, through which ordered points come into a series of ordered chunks."""
    found: list[Window] = []
    for touched in _touched(chunks, points):
        window = touched if touched.last < len(chunks) else _with_tail(chunks, touched)
        window = _with_room(chunks, window)
        while found and found[-1].last > window.first:
            before = found.pop()
            joined = Window(min(before.first, window.first), max(before.last, window.last), before.start, window.end)
            window = _with_room(chunks, joined)
        found.append(window)
    return found


def numbers(chunks: Sequence[ChunkHead], window: Window, count: int) -> list[int]:
    """Numbers for so many chunks in the place of a window."""
    start = _first_number(chunks, window)
    gap = NUMBER_GAP if window.last == len(chunks) else (chunks[window.last].number - start) // count
    return [start + gap * place for place in range(count)]


def sizes(points: int, *, at_end: bool) -> list[int]:
    """The points of each chunk: at the end of a series full ones and a rest, as more will come; elsewhere alike."""
    count = -(-points // CHUNK_POINTS)
    if at_end:
        return [min(CHUNK_POINTS, points - place * CHUNK_POINTS) for place in range(count)]
    return [points * (place + 1) // count - points * place // count for place in range(count)]


def _touched(chunks: Sequence[ChunkHead], points: Columns) -> list[Window]:
    """Points go to the last chunk that begins before them; chunks before it that may reach as far are merged too."""
    if not chunks:
        return [Window(0, 0, 0, len(points))]
    places = _Places(points)
    lows = list(accumulate((chunk.low for chunk in chunks), max))
    found = []
    start = 0
    while start < len(points):
        here = places[start]
        home = max(bisect_right(lows, here) - 1, 0)
        if home + 1 == len(chunks):
            end = len(points)
            if here > chunks[home].high:
                home += 1
        else:
            end = bisect_left(places, lows[home + 1])
        first = home
        while first > 0 and chunks[first - 1].high >= here:
            first -= 1
        found.append(Window(first, min(home + 1, len(chunks)), start, end))
        start = end
    return found


def _with_tail(chunks: Sequence[ChunkHead], window: Window) -> Window:
    first = window.first
    weight = window.end - window.start + sum(chunk.points for chunk in chunks[first:])
    while first > 0 and chunks[first - 1].points < CHUNK_POINTS and chunks[first - 1].points <= _GROWTH * weight:
        first -= 1
        weight += chunks[first].points
    return window._replace(first=first)


def _with_room(chunks: Sequence[ChunkHead], window: Window) -> Window:
    """Take in chunks behind the window until there are numbers enough for what it may become."""
    last = window.last
    points = window.end - window.start + sum(chunk.points for chunk in chunks[window.first : last])
    start = _first_number(chunks, window)
    while last < len(chunks) and chunks[last].number - start < -(-points // CHUNK_POINTS):
        points += chunks[last].points
        last += 1
    return window._replace(last=last)


def _first_number(chunks: Sequence[ChunkHead], window: Window) -> int:
    if window.first < window.last:
        return chunks[window.first].number
    return chunks[-1].number + NUMBER_GAP if chunks else 0


class _Places(Sequence[tuple[int, int]]):
    """Time and step of each point, for bisection."""

    def __init__(self, points: Columns) -> None:
        self._points = points

    def __len__(self) -> int:
        return len(self._points)

    def __getitem__(self, index: int) -> tuple[int, int]:  # type: ignore[override]  # nobody slices it
        return (self._points.times[index], self._points.steps[index])
