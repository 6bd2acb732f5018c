"""The codings of a column of a chunk; `metric_chunks` describes them.

Columns come as little-endian numbers of 8 bytes. What is done to every number is done to all at once: a column is one
large integer with a lane of 64 bits per number, which costs a nanosecond a number and step, and no array library.
"""

from __future__ import annotations

import struct
import sys
import threading
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, repeat
from typing import Any

from runebook.core.columns import ITEM_BYTES
from runebook.storage.sql.metric_frames import zstd

PLAIN = 0
DELTAS = (1, 2, 3)
SEQUENCE = 8
FLOAT32 = 9
DECIMAL = 16

INTEGER_CODINGS = (PLAIN, DELTAS[0])
VALUE_CODINGS = (PLAIN, *DELTAS, FLOAT32, DECIMAL)

MAX_DIGITS = 6
SAMPLE = 1024
LEVEL = 3

_LANE_BITS = 64
_LANE_MASK = (1 << _LANE_BITS) - 1
_SIGN = 1 << (_LANE_BITS - 1)
_EXACT = 1 << 53
_FLOAT_BYTES = 4
_WORTH_COMPRESSING_BYTES = 32

_REPEATED, _STORED, _COMPRESSED = range(3)
_LENGTH = struct.Struct("<I")
_ENDS = struct.Struct("<qq")


_of_thread = threading.local()
"""A compressor to each thread: a new one costs more than it takes to compress a plane."""


class Damaged(Exception):
    """The bytes of a column are not what a coding makes."""


class Reader:
    """Bytes that are taken from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._place

    def take(self, size: int) -> bytes:
        """Raises Damaged: there are not so many left."""
        if size > self.left:
            raise Damaged(f"{size - self.left} bytes are missing")
        self._place += size
        return self._data[self._place - size : self._place]


def encode_column(column: bytes, codings: Sequence[int]) -> tuple[int, bytes]:
    """The coding that makes a part of the column smallest, of those that can hold all of it; and what it makes."""
    if codings == INTEGER_CODINGS and (ends := _as_sequence(column)) is not None:
        return SEQUENCE, ends
    count = len(column) // ITEM_BYTES
    if count > SAMPLE:
        start = (count - SAMPLE) // 2 * ITEM_BYTES
        sample = column[start : start + SAMPLE * ITEM_BYTES]
        codings = [coding for _, coding, _ in _tried(sample, codings)]
        for coding in codings:
            found = _ENCODERS[coding](column)
            if found is not None:
                return found
    _, _, best = _tried(column, codings)[0]
    return best


def _tried(column: bytes, codings: Iterable[int]) -> list[tuple[int, int, tuple[int, bytes]]]:
    """Size, coding and outcome of those codings that can hold the column, smallest first."""
    outcomes = ((coding, _ENCODERS[coding](column)) for coding in codings)
    return sorted((len(found[1]), coding, found) for coding, found in outcomes if found is not None)


def decode_column(reader: Reader, coding: int, count: int, kind: str) -> array[Any]:
    """Numbers of an array kind, `q` or `d`. Raises Damaged."""
    if coding == PLAIN:
        return _array(kind, _read_planes(reader, count, ITEM_BYTES))
    if coding in DELTAS:
        return _sums(reader, coding, count, kind)
    if coding == SEQUENCE and kind == "q":
        first, step = _ENDS.unpack(reader.take(_ENDS.size))
        try:
            return array("q", _even(first, step, count))
        except OverflowError as error:
            raise Damaged("a sequence leaves 64 bits") from error
    if coding == FLOAT32 and kind == "d":
        return array("d", struct.unpack(f"<{count}f", _read_planes(reader, count, _FLOAT_BYTES)))
    if DECIMAL <= coding <= DECIMAL + MAX_DIGITS and kind == "d":
        scale = 10 ** (coding - DECIMAL)
        scaled = _integers(_unzigzag(_read_planes(reader, count, ITEM_BYTES)))
        return array("d", [number / scale for number in scaled])
    raise Damaged(f"there is no coding {coding} of such numbers")


def _even(first: int, step: int, count: int) -> Iterable[int]:
    return range(first, first + step * count, step) if step else repeat(first, count)


def _as_sequence(column: bytes) -> bytes | None:
    """First number and step, if all steps are equal."""
    count = len(column) // ITEM_BYTES
    if count < 2:
        return None
    first, second = _ENDS.unpack_from(column)
    step = second - first
    last = int.from_bytes(column[-ITEM_BYTES:], "little", signed=True)
    if last != first + step * (count - 1) or not -_SIGN <= step < _SIGN:
        return None
    return _ENDS.pack(first, step) if _bytes(array("q", _even(first, step, count))) == column else None


def _plain(column: bytes) -> tuple[int, bytes]:
    return PLAIN, _planes(column, ITEM_BYTES)


def _delta(order: int) -> Callable[[bytes], tuple[int, bytes] | None]:
    def encode(column: bytes) -> tuple[int, bytes] | None:
        if len(column) <= order * ITEM_BYTES:
            return None
        heads = []
        for _ in range(order):
            heads.append(column[:ITEM_BYTES])
            column = _differences(column)
        return order, b"".join(heads) + _planes(_zigzag(column), ITEM_BYTES)

    return encode


def _float32(column: bytes) -> tuple[int, bytes] | None:
    count = len(column) // ITEM_BYTES
    values = struct.unpack(f"<{count}d", column)
    try:
        floats = struct.pack(f"<{count}f", *values)
    except OverflowError:
        return None
    if struct.pack(f"<{count}d", *struct.unpack(f"<{count}f", floats)) != column:
        return None
    return FLOAT32, _planes(floats, _FLOAT_BYTES)


def _decimal(column: bytes) -> tuple[int, bytes] | None:
    count = len(column) // ITEM_BYTES
    values = struct.unpack(f"<{count}d", column)
    for digits in range(MAX_DIGITS + 1):
        scale = 10**digits
        if all(_is_decimal(value, scale) for value in values[:8]):
            try:
                scaled = [round(value * scale) for value in values]
            except (OverflowError, ValueError):  # infinite, or no number
                return None
            if max(scaled, default=0) >= _EXACT or min(scaled, default=0) <= -_EXACT:
                return None
            if struct.pack(f"<{count}d", *[number / scale for number in scaled]) == column:
                numbers = struct.pack(f"<{count}q", *scaled)
                return DECIMAL + digits, _planes(_zigzag(numbers), ITEM_BYTES)
    return None


def _is_decimal(value: float, scale: int) -> bool:
    return abs(value) * scale < _EXACT and round(value * scale) / scale == value


_ENCODERS: dict[int, Callable[[bytes], tuple[int, bytes] | None]] = {
    PLAIN: _plain,
    **{order: _delta(order) for order in DELTAS},
    FLOAT32: _float32,
    DECIMAL: _decimal,
}


def _sums(reader: Reader, order: int, count: int, kind: str) -> array[Any]:
    """What differences were taken of. They may have run over 64 bits, so sums count modulo 2 ** 64."""
    heads = _integers(reader.take(order * ITEM_BYTES))
    if count < order:
        raise Damaged(f"{count} points cannot have {order} differences")
    numbers: Iterable[int] = _integers(_unzigzag(_read_planes(reader, count - order, ITEM_BYTES)))
    for head in reversed(heads):
        numbers = accumulate(numbers, initial=head)
    found = list(numbers)
    try:
        sums = array("q", found)
    except OverflowError:
        sums = array("Q", [number & _LANE_MASK for number in found])
    return _array(kind, _bytes(sums))


def _planes(column: bytes, width: int) -> bytes:
    if not column:
        return b""
    parts = []
    for place in range(width):
        plane = column[place::width]
        if plane.count(plane[0]) == len(plane):
            parts.append(bytes((_REPEATED, plane[0])))
            continue
        compressed = _compressed(plane)
        if compressed is None:
            parts += [bytes((_STORED,)), plane]
        else:
            parts += [bytes((_COMPRESSED,)), _LENGTH.pack(len(compressed)), compressed]
    return b"".join(parts)


def _read_planes(reader: Reader, count: int, width: int) -> bytes:
    column = bytearray(count * width)
    for place in range(width if count else 0):
        form = reader.take(1)[0]
        if form == _REPEATED:
            repeated = reader.take(1)
            if repeated == b"\0":
                continue
            plane = repeated * count
        elif form == _STORED:
            plane = reader.take(count)
        elif form == _COMPRESSED:
            plane = _decompressed(reader.take(_LENGTH.unpack(reader.take(_LENGTH.size))[0]))
        else:
            raise Damaged(f"there is no form {form} of a plane")
        if len(plane) != count:
            raise Damaged(f"a plane of {len(plane)} bytes for {count} numbers")
        column[place::width] = plane
    return bytes(column)


def _compressed(plane: bytes) -> bytes | None:
    """None if that makes it no smaller."""
    if len(plane) < _WORTH_COMPRESSING_BYTES:
        return None
    try:
        compressor = _of_thread.compressor
    except AttributeError:
        compressor = _of_thread.compressor = zstd().ZstdCompressor(level=LEVEL)
    data: bytes = compressor.compress(plane, compressor.FLUSH_FRAME)
    return data if len(data) + _LENGTH.size < len(plane) else None


def _decompressed(data: bytes) -> bytes:
    library = zstd()
    try:
        found: bytes = library.decompress(data)
    except library.ZstdError as error:
        raise Damaged("a plane does not decompress") from error
    return found


@lru_cache(maxsize=16)
def _lanes(count: int, number: int) -> int:
    """An integer that has the number in each of its lanes."""
    return int.from_bytes(number.to_bytes(ITEM_BYTES, "little") * count, "little")


def _differences(column: bytes) -> bytes:
    """Each number less the one before it, modulo 2 ** 64; one fewer than the numbers.

    The sign bits are set in what is subtracted from, so that no lane borrows from its neighbour, and put right after.
    """
    count = len(column) // ITEM_BYTES - 1
    later = int.from_bytes(column[ITEM_BYTES:], "little")
    earlier = int.from_bytes(column[:-ITEM_BYTES], "little")
    signs = _lanes(count, _SIGN)
    rests = _lanes(count, _SIGN - 1)
    found = ((later | signs) - (earlier & rests)) ^ ((later ^ earlier ^ signs) & signs)
    return found.to_bytes(count * ITEM_BYTES, "little")


def _zigzag(column: bytes) -> bytes:
    """Small numbers of either sign as small numbers."""
    count = len(column) // ITEM_BYTES
    numbers = int.from_bytes(column, "little")
    ones = _lanes(count, 1)
    doubled = (numbers << 1) & _lanes(count, _LANE_MASK - 1)
    return (doubled ^ (((numbers >> (_LANE_BITS - 1)) & ones) * _LANE_MASK)).to_bytes(len(column), "little")


def _unzigzag(column: bytes) -> bytes:
    count = len(column) // ITEM_BYTES
    numbers = int.from_bytes(column, "little")
    halved = (numbers >> 1) & _lanes(count, _SIGN - 1)
    return (halved ^ ((numbers & _lanes(count, 1)) * _LANE_MASK)).to_bytes(len(column), "little")


def _integers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // ITEM_BYTES}q", data)


def _array(kind: str, data: bytes) -> array[Any]:
    found: array[Any] = array(kind)
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _bytes(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
