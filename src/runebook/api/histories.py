"""Histories as JSON: straight from columns, some thousand points at a time, so that no list of all points is made."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import repeat
from math import inf

import msgspec
from msgspec import Struct

from runebook.core.histories import History

_POINTS_AT_ONCE = 8192
_NULL = b'"value":null'
"""Inside of a text this has other quotes, so it can only be a value that is not finite."""

_encoder = msgspec.json.Encoder()


class _Point(Struct, gc=False):
    """The fields of a `Metric` that a point of a history has, made by position."""

    key: str
    value: float
    timestamp: int
    step: int


class _PointOfRun(_Point, gc=False):
    run_id: str


def encode_history(history: History) -> Iterator[bytes | memoryview]:
    """The JSON array of the metrics, as that of a list of them would be, in parts."""
    separator = b"["
    for part in _parts(history):
        yield separator
        yield part
        separator = b","
    yield b"]" if len(history) else b"[]"


def _parts(history: History) -> Iterator[memoryview]:
    names = [repeat(history.key)]
    kind, runs = (_Point, []) if history.run_id is None else (_PointOfRun, [repeat(history.run_id)])
    points = history.points
    for start in range(0, len(points), _POINTS_AT_ONCE):
        end = start + _POINTS_AT_ONCE
        values = points.values[start:end]
        data = _encoder.encode(list(map(kind, *names, values, points.times[start:end], points.steps[start:end], *runs)))
        yield memoryview(_with_spelled(data, values) if _NULL in data else data)[1:-1]


def _with_spelled(data: bytes, values: array[float]) -> bytes:
    """The points with those values that JSON has no numbers for, in order, as texts."""
    spelled = [_spelled(value) for value in values if value - value != 0]
    parts = data.split(_NULL)
    return b"".join([part for pair in zip(parts, [*spelled, b""], strict=True) for part in pair])


def _spelled(value: float) -> bytes:
    return b'"value":"Infinity"' if value == inf else b'"value":"-Infinity"' if value == -inf else b'"value":"NaN"'
