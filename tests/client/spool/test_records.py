"""Byte by byte: what is lost of a spool when a part of it is."""

from __future__ import annotations

import sys
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.spool.making import LOSS, RUN, tags

from runebook.api.frames import LogFrame
from runebook.client.spool.gathering import Gathering, Stretch
from runebook.client.spool.records import (
    CHECKED,
    FIRST_SERIES,
    HEAD,
    PART,
    POINT,
    SLOT_BYTES,
    TEXT,
    UnreadableSegment,
    pack_head,
    read_head,
    slots_of_text,
)
from runebook.core.columns import Columns
from runebook.core.ids import WriterId
from runebook.core.metrics import Point

INT64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1, -1, 0, 1, 2**53 + 1, -(2**31) - 1])
)
FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)
POINTS = st.builds(Point, INT64, INT64, FLOATS)
TEXTS = ["", "short", "of more than one slot " * 5]


def packed(record: bytes) -> bytes:
    slot = bytearray(SLOT_BYTES)
    CHECKED.pack_into(slot, 0, record, crc32(record))
    return bytes(slot)


def point_slot(number: int, point: Point) -> bytes:
    return packed(POINT.pack(number, *point, FIRST_SERIES))


def text_slots(number: int, value: str) -> bytes:
    text = msgspec.msgpack.encode(tags(value))
    slots = slots_of_text(len(text))
    return packed(TEXT.pack(number, len(text), crc32(text), 0.0, PART)) + text.ljust(slots * SLOT_BYTES, b"\0")


def gathered(slots: bytes, *, first: int = 1, is_checked: bool = True) -> LogFrame:
    gathering = Gathering({FIRST_SERIES: LOSS}, is_checked=is_checked)
    gathering.add(Stretch(first, slots))
    return gathering.operation(WriterId("w"), first, first + len(slots) // SLOT_BYTES - 1)


def points_in(frame: LogFrame) -> Columns:
    return Columns.joined(
        Columns.from_bytes(series.steps, series.times, series.values) for run in frame.runs for series in run.series
    )


def texts_in(frame: LogFrame) -> list[str]:
    return [tag.value for run in frame.runs for tag in run.tags]


@given(points=st.lists(POINTS, min_size=1, max_size=20), first=st.integers(1, 2**62), is_checked=st.booleans())
def test_every_step_time_and_value_is_read_as_it_was_written(points: list[Point], first: int, is_checked: bool) -> None:
    slots = b"".join(point_slot(first + place, point) for place, point in enumerate(points))

    frame = gathered(slots, first=first, is_checked=is_checked)

    assert points_in(frame) == Columns.of(points)
    assert [run.run_id for run in frame.runs] == [RUN]


class Written:
    """Points and texts, mixed; and where each begins and ends."""

    def __init__(self) -> None:
        self.slots = b""
        self.points: list[tuple[range, Point]] = []
        self.texts: list[tuple[range, str]] = []
        for place in range(3):
            for _ in range(2):
                self._add_point(Point(place, 1000 + len(self.slots), place / 7))
            self._add_text(TEXTS[place])
        self._add_point(Point(99, 99, 9.9))

    def _add_point(self, point: Point) -> None:
        begin = len(self.slots)
        self.slots += point_slot(begin // SLOT_BYTES + 1, point)
        self.points.append((range(begin, len(self.slots)), point))

    def _add_text(self, text: str) -> None:
        begin = len(self.slots)
        self.slots += text_slots(begin // SLOT_BYTES + 1, text)
        end = begin + SLOT_BYTES + len(msgspec.msgpack.encode(tags(text)))  # what fills the last slot means nothing
        self.texts.append((range(begin, end), text))

    def without(self, damaged: range) -> tuple[Columns, list[str]]:
        """What is left when these bytes are not as they were."""
        whole = [point for place, point in self.points if not set(place) & set(damaged)]
        return Columns.of(whole), [text for place, text in self.texts if not set(place) & set(damaged)]


def test_a_flipped_bit_costs_the_record_that_it_is_in_and_no_other() -> None:
    written = Written()
    for place in range(len(written.slots)):
        for bit in (0, 7):
            damaged = bytearray(written.slots)
            damaged[place] ^= 1 << bit
            frame = gathered(bytes(damaged))

            assert (points_in(frame), texts_in(frame)) == written.without(range(place, place + 1)), (place, bit)


def test_a_tail_that_never_reached_the_disk_costs_what_stood_in_it() -> None:
    written = Written()
    for place in range(len(written.slots)):
        frame = gathered(written.slots[:place] + bytes(len(written.slots) - place))
        lost = next((at for at in range(place, len(written.slots)) if written.slots[at]), len(written.slots))

        assert (points_in(frame), texts_in(frame)) == written.without(range(lost, len(written.slots))), place


def test_what_was_left_of_an_earlier_use_is_no_record() -> None:
    old = b"".join(point_slot(number, Point(number, 0, 0.5)) for number in range(1, 9))
    new = point_slot(101, Point(101, 0, 1.5)) + old[SLOT_BYTES:]

    assert points_in(gathered(new, first=101)) == Columns.of([Point(101, 0, 1.5)])


def test_a_reader_beside_the_writer_stops_where_a_record_is_not_there_yet() -> None:
    slots = point_slot(1, Point(1, 0, 0.5)) + bytes(SLOT_BYTES) + point_slot(3, Point(3, 0, 0.5))
    gathering = Gathering({FIRST_SERIES: LOSS}, is_checked=True, ends_at_gap=True)
    gathering.add(Stretch(1, slots))

    assert (gathering.records, gathering.last, gathering.cut) == (1, 1, 2)


def test_points_of_a_series_without_a_name_are_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    nameless = packed(POINT.pack(1, 0, 0, 0.5, FIRST_SERIES + 1))

    assert points_in(gathered(nameless + point_slot(2, Point(2, 0, 0.5)))) == Columns.of([Point(2, 0, 0.5)])
    assert "unknown series" in caplog.text


@given(first=st.integers(1, 2**64 - 1))
def test_a_head_tells_the_number_of_the_first_record(first: int) -> None:
    head = read_head(pack_head(first))

    assert head is not None
    assert head.first == first


def test_a_head_that_is_not_whole_belongs_to_a_segment_that_holds_nothing() -> None:
    head = pack_head(7)

    assert read_head(bytes(SLOT_BYTES)) is None
    assert read_head(b"") is None
    for length in range(SLOT_BYTES):
        assert read_head(head[:length]) is None
    for place in range(len(head)):
        damaged = bytearray(head)
        damaged[place] ^= 1
        assert read_head(bytes(damaged)) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((b"RBSPOOL\n", 2, 1, SLOT_BYTES, 1, 0, b""), "a newer Runebook wrote"),
        ((b"RBSPOOL\n", 1, 1, 48, 1, 0, b""), "a newer Runebook wrote"),
        ((b"RBSPOOL\n", 256, 256, SLOT_BYTES << 24, 1, 0, b""), "another byte order"),
        ((b"OTHERS!\n", 1, 1, SLOT_BYTES, 1, 0, b""), "no segment of a spool"),
    ],
)
def test_a_segment_of_another_kind_is_said_to_be_one(fields: tuple[object, ...], message: str) -> None:
    head = HEAD.pack(*fields)

    with pytest.raises(UnreadableSegment, match=message):
        read_head(head + crc32(head).to_bytes(4, sys.byteorder))
