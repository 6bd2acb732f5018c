"""The order of a series: by time, then step, then value with NaN last. Points equal in all three are one."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from operator import le, lt

from runebook.core.columns import Columns
from runebook.storage.sql.values import stored

Place = tuple[int, int, int, float]
"""Where a point stands in its series: time, step, kind and number of its value. Points of one place are one point."""

Row = tuple[int, int, float]


def place(columns: Columns, index: int) -> Place:
    return (columns.times[index], columns.steps[index], *stored(columns.values[index]))


def part(columns: Columns, start: int, end: int) -> Columns:
    """The points from one index to another, in new columns."""
    return Columns(columns.steps[start:end], columns.times[start:end], columns.values[start:end])


def ordered(columns: Columns) -> Columns:
    """The points in order, each once; the columns themselves if that is how they are."""
    if _is_ordered(columns):
        return columns
    rows: Iterable[Row] = zip(columns.times, columns.steps, columns.values, strict=True)
    if any(value != value for value in columns.values):  # NaN is not itself
        found = {(time, step, *stored(value)): (time, step, value) for time, step, value in rows}
        return _of_rows(found[here] for here in sorted(found))
    return _of_rows(sorted(set(rows)))


def merged(parts: Sequence[Columns]) -> Columns:
    """The points of parts, each of them ordered, in order and each once."""
    parts = [one for one in parts if len(one)]
    if len(parts) == 1:
        return parts[0]
    whole = Columns.joined(parts)
    follow = (place(one, -1) < place(other, 0) for one, other in pairwise(parts))
    return whole if all(follow) else ordered(whole)


def behind(columns: Columns, after: Place) -> int:
    """The index of the first of ordered points behind a place."""
    low, high = 0, len(columns)
    while low < high:
        middle = (low + high) // 2
        if place(columns, middle) > after:
            high = middle
        else:
            low = middle + 1
    return low


def _is_ordered(columns: Columns) -> bool:
    """Whether times, or times and steps, rise. Where both stand still the values decide, which is left to a sort."""
    times = columns.times
    if all(map(lt, times, islice(times, 1, None))):
        return True
    if not all(map(le, times, islice(times, 1, None))):
        return False
    places = list(zip(times, columns.steps, strict=True))
    return all(map(lt, places, islice(places, 1, None)))


def _of_rows(rows: Iterable[Row]) -> Columns:
    columns: Sequence[Iterable[float]] = list(zip(*rows, strict=True)) or [(), (), ()]
    times, steps, values = columns
    return Columns(_int64(steps), _int64(times), array("d", values))


def _int64(numbers: Iterable[float]) -> array[int]:
    found: Iterator[int] = iter(numbers)  # type: ignore[arg-type]  # those of the first two columns are
    return array("q", found)
