"""How points lie in bytes: frames of one append, and chunks of one series.

A payload is a header (version, coding, number of points) and columns of 8 bytes a value, little-endian, one after the
other; compressed as a whole when that is worth it. A frame has columns of name id, step, time and value, in the order
of the append; a chunk has step, time and value.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

from runebook.core.errors import InternalError
from runebook.core.metrics import Point

_VERSION = 1
_PLAIN = 0
_ZSTD = 1
_HEADER = struct.Struct("<BBI")
_LEVEL = 1
_WORTH_COMPRESSING_BYTES = 512
_FRAME_COLUMNS = "qqqd"
_CHUNK_COLUMNS = "qqd"


class FramePoint(NamedTuple):
    """One point of a frame."""

    name_id: int
    point: Point


def encode_frame(points: Sequence[FramePoint]) -> bytes:
    """The payload of one append."""
    names = array("q", [point.name_id for point in points])
    return _encode(len(points), [names, *_columns([point.point for point in points])])


def decode_frame(payload: bytes) -> list[FramePoint]:
    """Raises InternalError: the payload is damaged, or a newer release wrote it."""
    names, *columns = _decode(payload, _FRAME_COLUMNS)
    return [FramePoint(name, Point(*row)) for name, row in zip(names, zip(*columns, strict=True), strict=True)]


def encode_chunk(points: Sequence[Point]) -> bytes:
    """The payload of a part of one series."""
    return _encode(len(points), _columns(points))


def decode_chunk(payload: bytes) -> list[Point]:
    """Raises InternalError: the payload is damaged, or a newer release wrote it."""
    return [Point(*row) for row in zip(*_decode(payload, _CHUNK_COLUMNS), strict=True)]


def _columns(points: Sequence[Point]) -> list[array[Any]]:
    return [
        array("q", [point.step for point in points]),
        array("q", [point.time for point in points]),
        array("d", [point.value for point in points]),
    ]


def _encode(count: int, columns: Sequence[array[Any]]) -> bytes:
    if sys.byteorder == "big":
        for column in columns:
            column.byteswap()
    body = b"".join(column.tobytes() for column in columns)
    coding = _PLAIN
    if len(body) > _WORTH_COMPRESSING_BYTES:
        coding, body = _ZSTD, _zstd().compress(body, _LEVEL)
    return _HEADER.pack(_VERSION, coding, count) + body


def _decode(payload: bytes, kinds: str) -> list[array[Any]]:
    version, coding, count = _HEADER.unpack_from(payload)
    if version != _VERSION:
        raise InternalError(f"Metrics are stored in format {version}, which a newer Runebook wrote: upgrade this one.")
    body = bytes(payload[_HEADER.size :])
    if coding == _ZSTD:
        body = _zstd().decompress(body)
    if len(body) != count * 8 * len(kinds):
        raise InternalError(f"Stored metrics are damaged: {len(body)} bytes for {count} points.")
    columns: list[array[Any]] = []
    for place, kind in enumerate(kinds):
        column: array[Any] = array(kind)
        column.frombytes(body[place * count * 8 : (place + 1) * count * 8])
        if sys.byteorder == "big":
            column.byteswap()
        columns.append(column)
    return columns


def _zstd() -> ModuleType:
    """Imported when first needed, as small appends never need it."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd  # type: ignore[no-any-return,unused-ignore]  # the two have stubs of different kinds
