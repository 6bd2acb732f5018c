from __future__ import annotations

import math
import random
import struct
from array import array
from collections.abc import Callable
from zlib import crc32

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from runebook.core.columns import Columns
from runebook.core.errors import InternalError
from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.core.metrics import Point
from runebook.storage.sql.metric_chunks import CHUNK_POINTS, decode_chunk, encode_chunk

INT64 = st.integers(MIN_INT64, MAX_INT64)
NEAR = st.integers(-3, 3) | st.integers(MAX_INT64 - 3, MAX_INT64) | st.integers(MIN_INT64, MIN_INT64 + 3)
VALUES = st.floats(width=64) | st.floats(width=32) | st.integers(-1000, 1000).map(lambda number: number / 100)
POINTS = st.builds(Point, INT64 | NEAR, INT64 | NEAR, VALUES)


@given(st.lists(POINTS))
def test_a_chunk_keeps_every_bit_and_the_order(points: list[Point]) -> None:
    columns = Columns.of(points)
    assert decode_chunk(encode_chunk(columns)) == columns


@given(st.lists(st.sampled_from([MIN_INT64, MAX_INT64, 0, -1]), min_size=2), st.integers(1, 500))
def test_differences_beyond_64_bits_come_back(numbers: list[int], repeated: int) -> None:
    column = array("q", numbers * repeated)
    columns = Columns(column, column[::-1], array("d", [0.0] * len(column)))

    assert decode_chunk(encode_chunk(columns)) == columns


@pytest.mark.parametrize("odd", [1e300, -1e300, -0.0, math.inf, math.nan, 5e-324])
@pytest.mark.parametrize("place", [0, 1, 1000, 2999])
def test_one_odd_value_among_many_like_values_comes_back(odd: float, place: int) -> None:
    """The coding is chosen by a part, which the odd value is mostly not in."""
    for value in (0.25, 0.1, 1e-3 + 1e-9):
        values = array("d", [value] * 3000)
        values[place] = odd
        columns = Columns(array("q", range(3000)), array("q", range(3000)), values)
        assert decode_chunk(encode_chunk(columns)) == columns


def _chunk(value: Callable[[int], float], gap_ms: Callable[[], int] = lambda: 40) -> Columns:
    times = array("q")
    now = 1_790_000_000_000
    for _ in range(CHUNK_POINTS):
        times.append(now)
        now += gap_ms()
    steps = array("q", range(0, CHUNK_POINTS * 10, 10))
    return Columns(steps, times, array("d", map(value, range(CHUNK_POINTS))))


RNG = random.Random(5)


def float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@pytest.mark.parametrize(
    ("curve", "codings", "bytes_per_point"),
    [
        (_chunk(lambda _: RNG.random(), lambda: 100 + RNG.randrange(8)), (8, 1, 0), 7.5),
        (_chunk(lambda _: float32(RNG.random()), lambda: RNG.randrange(4)), (8, 1, 0), 3.6),
        (_chunk(lambda _: float32(RNG.randrange(50) / 50)), (8, 8, 9), 2.2),
        (_chunk(lambda step: 0.5e-3 * (1 + math.cos(step / CHUNK_POINTS * math.pi))), (8, 8, 3), 1.5),
        (_chunk(lambda step: float(step * 64)), (8, 8, 1), 0.1),
        (_chunk(lambda _: round(RNG.random(), 3)), (8, 8, 19), 1.6),
        (_chunk(lambda _: 0.001), (8, 8, 0), 0.1),
    ],
    ids=["noise", "float32", "ratio in float32", "cosine", "counter", "three digits", "constant"],
)
def test_each_kind_of_curve_has_a_coding_that_makes_it_small(
    curve: Columns, codings: tuple[int, int, int], bytes_per_point: float
) -> None:
    payload = encode_chunk(curve)

    assert tuple(payload[1:4]) == codings
    assert len(payload) / CHUNK_POINTS < bytes_per_point
    assert decode_chunk(payload) == curve


def test_a_short_chunk_is_small_too() -> None:
    assert len(encode_chunk(Columns.of([Point(1, 1_790_000_000_000, 0.1)]))) < 80
    assert len(encode_chunk(Columns.of([]))) == 12


def test_a_chunk_of_the_first_release_is_read() -> None:
    columns = Columns.of(Point(step, -step, step / 7) for step in range(30))
    body = b"".join(columns.to_bytes())

    assert decode_chunk(struct.pack("<BBI", 1, 0, 30) + body) == columns
    assert decode_chunk(struct.pack("<BBI", 1, 1, 30) + zstd.compress(body)) == columns


def _whole() -> bytes:
    return encode_chunk(Columns.of(Point(step, step * step, math.sin(step)) for step in range(500)))


@pytest.mark.parametrize("cut", [0, 1, 5, 11, 12, 40, -1])
def test_a_chunk_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(InternalError, match="damaged"):
        decode_chunk(_whole()[:cut])


@pytest.mark.parametrize("place", [1, 2, 3, 4, 7, 8, 12, 200, -1])
def test_a_chunk_of_which_a_byte_changed_is_refused(place: int) -> None:
    payload = bytearray(_whole())
    payload[place] ^= 64
    with pytest.raises(InternalError, match="damaged"):
        decode_chunk(bytes(payload))


@given(st.binary(max_size=80), st.integers(0, 5))
def test_whatever_has_a_right_checksum_is_refused_or_decoded(body: bytes, points: int) -> None:
    """Damage that a checksum does not see ends in our error and in no other."""
    for codings in ((0, 0, 0), (1, 1, 3), (8, 8, 9), (8, 8, 19), (2, 3, 99)):
        header = struct.pack("<BBBBI", 2, *codings, points)
        payload = header + struct.pack("<I", crc32(header + body)) + body
        try:
            found = len(decode_chunk(payload))
        except InternalError:
            continue
        assert found == points


def test_a_chunk_of_a_newer_release_says_to_upgrade() -> None:
    with pytest.raises(InternalError, match="upgrade"):
        decode_chunk(b"\x03" + _whole()[1:])


def test_a_chunk_of_the_first_release_that_is_cut_off_is_refused() -> None:
    with pytest.raises(InternalError, match="damaged"):
        decode_chunk(struct.pack("<BBI", 1, 0, 3) + b"short")
