from __future__ import annotations

import math
import struct
from array import array
from zlib import crc32

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from runebook.core.columns import Columns
from runebook.core.errors import InternalError
from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.core.metrics import Point
from runebook.storage.sql.metric_frames import decode_frame, encode_frame

INT64 = st.integers(MIN_INT64, MAX_INT64)
COLUMNS = st.lists(st.builds(Point, INT64, INT64, st.floats(width=64))).map(Columns.of)


@given(st.lists(st.tuples(INT64, COLUMNS)))
def test_a_frame_keeps_every_bit_and_the_order(series: list[tuple[int, Columns]]) -> None:
    assert decode_frame(encode_frame(series)) == series


@given(st.lists(st.tuples(st.integers(1, 3), COLUMNS)))
def test_a_frame_gives_the_series_of_one_name_alone(series: list[tuple[int, Columns]]) -> None:
    assert decode_frame(encode_frame(series), only=2) == [one for one in series if one[0] == 2]


def test_a_small_frame_is_plain_little_endian_columns() -> None:
    payload = encode_frame([(7, Columns.of([Point(-1, 5, math.inf), Point(2, 6, 0.5)])), (8, Columns.of([]))])

    body = struct.pack("<2q2q2q2q2d", 7, 8, 2, 0, -1, 2, 5, 6, math.inf, 0.5)
    header = struct.pack("<BBII", 2, 0, 2, 2)
    assert payload == header + struct.pack("<I", crc32(header + body)) + body


def test_a_large_frame_is_byte_planes_compressed() -> None:
    columns = Columns(array("q", range(1000)), array("q", range(5, 1005)), array("d", [0.5] * 1000))
    payload = encode_frame([(1, columns)])

    planes = zstd.decompress(payload[14:])
    body = struct.pack("<2q", 1, 1000) + b"".join(columns.to_bytes())
    assert planes == b"".join(body[place::8] for place in range(8))
    assert len(payload) < 3000


def test_a_frame_of_the_first_release_is_read() -> None:
    body = struct.pack("<3q3q3q3d", 7, 8, 7, -1, 2, 3, 5, 6, 7, math.inf, 0.5, -0.0)
    series = [(7, Columns.of([Point(-1, 5, math.inf), Point(3, 7, -0.0)])), (8, Columns.of([Point(2, 6, 0.5)]))]

    assert decode_frame(struct.pack("<BBI", 1, 0, 3) + body) == series
    assert decode_frame(struct.pack("<BBI", 1, 1, 3) + zstd.compress(body)) == series
    assert decode_frame(struct.pack("<BBI", 1, 0, 3) + body, only=8) == series[1:]


def _whole() -> bytes:
    return encode_frame([(1, Columns.of(Point(step, step, 0.1 * step) for step in range(100)))])


@pytest.mark.parametrize("cut", [1, 5, 14, 20, -1])
def test_a_frame_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(InternalError, match="damaged"):
        decode_frame(_whole()[:cut])


@pytest.mark.parametrize("place", [2, 6, 10, 14, 60])
def test_a_frame_of_which_a_byte_changed_is_refused(place: int) -> None:
    payload = bytearray(_whole())
    payload[place] ^= 1
    with pytest.raises(InternalError, match="damaged"):
        decode_frame(bytes(payload))


def test_an_empty_payload_is_refused() -> None:
    with pytest.raises(InternalError, match="damaged"):
        decode_frame(b"")


def test_a_frame_of_a_newer_release_says_to_upgrade() -> None:
    with pytest.raises(InternalError, match="upgrade"):
        decode_frame(b"\x03" + _whole()[1:])


def test_a_frame_of_the_first_release_that_is_cut_off_is_refused() -> None:
    with pytest.raises(InternalError, match="damaged"):
        decode_frame(struct.pack("<BBI", 1, 0, 3) + b"short")
    with pytest.raises(InternalError, match="damaged"):
        decode_frame(b"\x01\x00")
