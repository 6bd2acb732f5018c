"""How the points of one append lie in bytes: a frame, the series of one run one after the other.

A payload is a header (version, coding, number of series, number of points, checksum of all else) and columns of numbers
of 8 bytes, little-endian: the name id of each series, the points of each, and of all points the steps, the times and
the values. Of a large frame the columns are turned into byte planes (the first byte of every number, then the second
byte of every number, ...) and compressed. `docs/decisions/0011-how-points-lie-on-disk.md` has the figures.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from itertools import chain
from types import ModuleType
from zlib import crc32

from runebook.core.columns import ITEM_BYTES, Columns
from runebook.core.errors import InternalError

VERSION = 2
_PLAIN = 0
_PLANES = 1
_HEADER = struct.Struct("<BBII")
_CHECKSUM = struct.Struct("<I")
_LEVEL = 1
_WORTH_COMPRESSING_BYTES = 512

_VERSION_1_HEADER = struct.Struct("<BBI")
_VERSION_1_PLAIN = 0


def encode_frame(series: Sequence[tuple[int, Columns]]) -> bytes:
    """The payload of one append: columns by the ids of their names, of which one may come more than once."""
    counts = [len(columns) for _, columns in series]
    parts = [columns.to_bytes() for _, columns in series]
    heads = struct.pack(f"<{2 * len(series)}q", *(name_id for name_id, _ in series), *counts)
    body = b"".join(chain((heads,), *zip(*parts, strict=True)))
    coding = _PLAIN
    if len(body) > _WORTH_COMPRESSING_BYTES:
        coding, body = _PLANES, zstd().compress(planes(body), _LEVEL)
    header = _HEADER.pack(VERSION, coding, len(series), sum(counts))
    return header + _CHECKSUM.pack(crc32(body, crc32(header))) + body


def decode_frame(payload: bytes, *, only: int | None = None) -> list[tuple[int, Columns]]:
    """The series of an append, as they were given to it; or those of one name.

    Raises:
        InternalError: the payload is damaged, or a newer release wrote it.

    """
    if payload[:1] == b"\x01":
        found = _decode_version_1(payload)
        return found if only is None else [one for one in found if one[0] == only]
    check_version(payload, VERSION)
    if len(payload) < _HEADER.size + _CHECKSUM.size:
        raise damaged("a header is cut off")
    _, coding, size, points = _HEADER.unpack_from(payload)
    (checksum,) = _CHECKSUM.unpack_from(payload, _HEADER.size)
    body = payload[_HEADER.size + _CHECKSUM.size :]
    if crc32(body, crc32(payload[: _HEADER.size])) != checksum:
        raise damaged("a checksum does not fit")
    if coding == _PLANES:
        body = numbers(zstd().decompress(body))
    if len(body) != ITEM_BYTES * (2 * size + 3 * points):
        raise damaged(f"{len(body)} bytes for {size} series with {points} points")
    return _split(body, size, points, only)


def _split(body: bytes, size: int, points: int, only: int | None) -> list[tuple[int, Columns]]:
    heads = struct.unpack_from(f"<{2 * size}q", body)
    if sum(heads[size:]) != points:
        raise damaged(f"{sum(heads[size:])} points of series in a frame of {points}")
    column_bytes = points * ITEM_BYTES
    steps = 2 * size * ITEM_BYTES
    times, values = steps + column_bytes, steps + 2 * column_bytes
    series = []
    start = 0
    for name_id, count in zip(heads[:size], heads[size:], strict=True):
        end = start + count * ITEM_BYTES
        if only is None or name_id == only:
            columns = (body[place + start : place + end] for place in (steps, times, values))
            series.append((name_id, Columns.from_bytes(*columns)))
        start = end
    return series


def _decode_version_1(payload: bytes) -> list[tuple[int, Columns]]:
    """What the first release wrote: columns of name id, step, time and value, a row a point."""
    if len(payload) < _VERSION_1_HEADER.size:
        raise damaged("a header is cut off")
    _, coding, points = _VERSION_1_HEADER.unpack_from(payload)
    body = payload[_VERSION_1_HEADER.size :]
    if coding != _VERSION_1_PLAIN:
        body = zstd().decompress(body)
    size = points * ITEM_BYTES
    if len(body) != 4 * size:
        raise damaged(f"{len(body)} bytes for {points} points")
    columns = Columns.from_bytes(body[size : 2 * size], body[2 * size : 3 * size], body[3 * size :])
    found: dict[int, Columns] = {}
    for name_id, step, time, value in zip(
        struct.unpack(f"<{points}q", body[:size]), columns.steps, columns.times, columns.values, strict=True
    ):
        if name_id not in found:
            found[name_id] = Columns(array("q"), array("q"), array("d"))
        one = found[name_id]
        one.steps.append(step)
        one.times.append(time)
        one.values.append(value)
    return list(found.items())


def check_version(payload: bytes, version: int) -> None:
    """Raises InternalError: a newer release wrote the payload, or there is none."""
    if not payload:
        raise damaged("a payload is empty")
    if payload[0] != version:
        raise InternalError(
            f"Metrics are stored in format {payload[0]}, which a newer Runebook wrote: upgrade this one."
        )


def damaged(how: str) -> InternalError:
    return InternalError(f"Stored metrics are damaged: {how}. Restore the store from a backup.")


def planes(body: bytes) -> bytes:
    """Numbers of 8 bytes as byte planes, which compress better and faster, as neighbours are alike in them."""
    return b"".join([body[place::ITEM_BYTES] for place in range(ITEM_BYTES)])


def numbers(body: bytes) -> bytes:
    """The numbers of byte planes. Raises InternalError: they are not of one length."""
    count, rest = divmod(len(body), ITEM_BYTES)
    if rest:
        raise damaged("a plane is cut off")
    found = bytearray(len(body))
    for place in range(ITEM_BYTES):
        found[place::ITEM_BYTES] = body[place * count : (place + 1) * count]
    return bytes(found)


def zstd() -> ModuleType:
    """Imported when first needed, as small appends never need it."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd  # type: ignore[no-any-return,unused-ignore]  # the two have stubs of different kinds
