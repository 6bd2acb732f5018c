from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runebook.core.errors import InternalError
from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.core.metrics import Point
from runebook.storage.sql.metric_frames import FramePoint, decode_chunk, decode_frame, encode_chunk, encode_frame

INT64 = st.integers(MIN_INT64, MAX_INT64)
POINTS = st.builds(Point, INT64, INT64, st.floats(width=64))


def bits(points: list[Point]) -> list[tuple[int, int, bytes]]:
    return [(point.step, point.time, struct.pack("<d", point.value)) for point in points]


@given(st.lists(st.builds(FramePoint, INT64, POINTS)))
def test_a_frame_keeps_every_bit_and_the_order(points: list[FramePoint]) -> None:
    decoded = decode_frame(encode_frame(points))

    assert [point.name_id for point in decoded] == [point.name_id for point in points]
    assert bits([point.point for point in decoded]) == bits([point.point for point in points])


@given(st.lists(POINTS))
def test_a_chunk_keeps_every_bit_and_the_order(points: list[Point]) -> None:
    assert bits(decode_chunk(encode_chunk(points))) == bits(points)


def test_a_small_frame_is_plain_little_endian_columns() -> None:
    payload = encode_frame([FramePoint(7, Point(-1, 5, math.inf)), FramePoint(8, Point(2, 6, 0.5))])

    assert payload == struct.pack("<BBI", 1, 0, 2) + struct.pack("<2q2q2q2d", 7, 8, -1, 2, 5, 6, math.inf, 0.5)


def test_a_large_frame_is_compressed() -> None:
    points = [FramePoint(1, Point(step, 1_700_000_000_000 + step, 0.5)) for step in range(1000)]

    assert len(encode_frame(points)) < 32 * 1000 / 4


@pytest.mark.parametrize("payload", [struct.pack("<BBI", 2, 0, 0), struct.pack("<BBI", 1, 0, 3) + b"short"])
def test_a_newer_or_damaged_payload_is_an_error(payload: bytes) -> None:
    with pytest.raises(InternalError):
        decode_frame(payload)
