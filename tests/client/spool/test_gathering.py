"""From records to frames: however a spool is cut, the frames together hold what was logged, in its order."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.spool.making import RUN, new_spool, runs_of, take_all

from runebook.api.frames import RunPart, RunStart
from runebook.client.spool import spool as spools
from runebook.client.spool.left import LeftSpool
from runebook.client.spool.names import SeriesName
from runebook.client.spool.spool import Spool
from runebook.core.ids import RunId
from runebook.core.metrics import Point
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import Tag

KEYS = ("loss", "accuracy", "lr")


class OnePoint(NamedTuple):
    key: str
    point: Point


class ManyPoints(NamedTuple):
    step: int
    values: list[float]


class Text(NamedTuple):
    value: str


INT64 = st.integers(-(2**63), 2**63 - 1)
ENTRIES = st.one_of(
    st.builds(OnePoint, st.sampled_from(KEYS), st.builds(Point, INT64, INT64, st.floats())),
    st.builds(ManyPoints, INT64, st.lists(st.floats(), min_size=3, max_size=3)),
    st.builds(Text, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=400)),
)
Entry = OnePoint | ManyPoints | Text


class Logged:
    """What a spool was given."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._ids = {key: spool.series_id(SeriesName(RUN, key)) for key in KEYS}
        self.points: dict[str, list[Point]] = {key: [] for key in KEYS}
        self.tags: list[str] = []

    def add(self, entry: Entry) -> None:
        if isinstance(entry, Text):
            self._spool.part(RunPart(run_id=RUN, tags=[Tag(key="t", value=entry.value)]))
            self.tags.append(entry.value)
        elif isinstance(entry, OnePoint):
            self._spool.point(self._ids[entry.key], *entry.point)
            self.points[entry.key].append(entry.point)
        else:
            self._spool.points(list(self._ids.values()), entry.values, entry.step, 7)
            for key, value in zip(KEYS, entry.values, strict=True):
                self.points[key].append(Point(entry.step, 7, value))


@pytest.mark.parametrize("is_left", [False, True])
@given(
    entries=st.lists(ENTRIES, max_size=60),
    max_records=st.integers(1, 50),
    taken_between=st.lists(st.integers(0, 59), max_size=3),
)
@settings(deadline=None, max_examples=60)
def test_frames_hold_what_was_logged_however_they_are_cut(
    is_left: bool, entries: list[Entry], max_records: int, taken_between: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spools, "FIRST_SEGMENT_SLOTS", 7)
        patch.setattr(spools, "SEGMENT_SLOTS", 13)
        spool = new_spool(Path(root), is_shipped=not is_left)
        logged = Logged(spool)
        frames = []
        for place, entry in enumerate(entries):
            logged.add(entry)
            if place in taken_between and not is_left:
                frames += take_all(spool, max_records).frames
        if is_left:
            left = LeftSpool.take(spool.folder.path)
            assert left is not None
            content = take_all(left, max_records)
        else:
            content = take_all(spool, max_records)
        content = content._replace(frames=frames + content.frames)
        spool.close()

    for key in KEYS:
        assert repr(list(content.columns(key))) == repr(logged.points[key])
    assert content.tags() == logged.tags
    numbers = [(frame.first, frame.last) for frame in content.frames]
    assert all(first == last + 1 for (_, last), (first, _) in pairwise(numbers))


def test_what_one_frame_says_of_a_run_twice_is_said_once_with_the_last_word(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    other = RunId("1" * 32)
    for part in (
        RunPart(run_id=RUN, start=RunStart(start_time=1, run_name="first")),
        RunPart(run_id=RUN, params=[Param(key="a", value="1")], lease_ms=5),
        RunPart(run_id=other, tags=[Tag(key="t", value="of the other")]),
        RunPart(run_id=RUN, status=RunStatus.RUNNING),
        RunPart(run_id=RUN, start=RunStart(start_time=2, run_name="second"), params=[Param(key="b", value="2")]),
        RunPart(run_id=RUN, status=RunStatus.FAILED, end_time=9, leaves=True),
    ):
        spool.part(part)

    mine, others = runs_of(take_all(spool))

    assert mine == RunPart(
        run_id=RUN,
        start=RunStart(start_time=1, run_name="first"),
        params=[Param(key="a", value="1"), Param(key="b", value="2")],
        lease_ms=5,
        status=RunStatus.FAILED,
        end_time=9,
        leaves=True,
    )
    assert others == RunPart(run_id=other, tags=[Tag(key="t", value="of the other")])
