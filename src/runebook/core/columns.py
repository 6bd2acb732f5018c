"""Points of one series as columns, which is how they travel and lie; `Point` is for those who look at one."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from typing import TypeVar

from runebook.core.metrics import Point

ITEM_BYTES = 8

NumberT = TypeVar("NumberT", int, float)


class Columns:
    """Steps (int64), times (int64, milliseconds since the epoch) and values (float64), one of each a point."""

    __slots__ = ("steps", "times", "values")

    def __init__(self, steps: array[int], times: array[int], values: array[float]) -> None:
        self.steps = steps
        self.times = times
        self.values = values

    @classmethod
    def of(cls, points: Iterable[Point]) -> Columns:
        columns = list(zip(*points, strict=True)) or [(), (), ()]
        return cls(array("q", columns[0]), array("q", columns[1]), array("d", columns[2]))

    @classmethod
    def from_bytes(cls, steps: bytes, times: bytes, values: bytes) -> Columns:
        """Columns of little-endian numbers.

        Raises:
            ValueError: the columns are not of one length, or hold a part of a number.

        """
        if not len(steps) == len(times) == len(values):
            raise ValueError(f"columns of {len(steps)}, {len(times)} and {len(values)} bytes are not of one length")
        return cls(_filled(array("q"), steps), _filled(array("q"), times), _filled(array("d"), values))

    @classmethod
    def joined(cls, parts: Iterable[Columns]) -> Columns:
        """The points of all parts, in new columns."""
        whole = cls(array("q"), array("q"), array("d"))
        for part in parts:
            whole.steps.extend(part.steps)
            whole.times.extend(part.times)
            whole.values.extend(part.values)
        return whole

    def to_bytes(self) -> tuple[bytes, bytes, bytes]:
        """The columns as little-endian numbers."""
        return _written(self.steps), _written(self.times), _written(self.values)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Point]:
        return map(Point, self.steps, self.times, self.values)

    def __eq__(self, other: object) -> bool:
        """By bits: NaN equals NaN, and 0.0 is not -0.0."""
        return isinstance(other, Columns) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # they are mutable

    def __repr__(self) -> str:
        return f"Columns({list(self)!r})"


def _filled(column: array[NumberT], data: bytes) -> array[NumberT]:
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _written(column: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()
