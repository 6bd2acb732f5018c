"""Spools that another release left."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from zlib import crc32

import pytest
from tests.client.spool import golden
from tests.client.spool.making import LOSS, new_spool, runs_of, take_all

from runebook.api.frames import RunPart, SeriesPart
from runebook.client.spool.left import LeftSpool
from runebook.client.spool.records import HEAD, SLOT_BYTES
from runebook.core.columns import Columns
from runebook.core.errors import RunebookError
from runebook.core.metrics import Point

DATA = Path(__file__).parent / "data"


def columns_of(series: SeriesPart) -> Columns:
    return Columns.from_bytes(series.steps, series.times, series.values)


def taken(path: Path) -> LeftSpool:
    spool = LeftSpool.take(path)
    assert spool is not None
    return spool


@pytest.mark.parametrize("max_records", [1, 5, 50_000])
def test_a_spool_of_format_1_is_read_to_the_last_bit(tmp_path: Path, max_records: int) -> None:
    shutil.copytree(DATA / "version1", tmp_path / "root")
    spool = taken(tmp_path / "root" / golden.WRITER)

    content = take_all(spool, max_records)

    assert content.columns("loss") == Columns.of([*golden.POINTS, Point(3, 4, 0.25)])
    validated = [series for run in runs_of(content) for series in run.series if series.key == golden.VALIDATED.key]
    assert [(series.model_id, series.dataset_name, series.dataset_digest) for series in validated] == [
        golden.VALIDATED[2:]
    ]
    assert columns_of(validated[0]) == Columns.of([Point(3, 4, 0.5)])
    for part in golden.PARTS:
        assert part_of(runs_of(content), part) == part
    assert spool.folder.description.tracking_uri == golden.STORE
    assert {frame.writer for frame in content.frames} == {golden.WRITER}


def part_of(runs: list[RunPart], expected: RunPart) -> RunPart:
    """What the frames say of what this part says, of its run."""
    names = [
        name
        for name in RunPart.__struct_fields__
        if getattr(expected, name) != getattr(RunPart(run_id=expected.run_id), name)
    ]
    found = {
        name: getattr(run, name)
        for run in runs
        if run.run_id == expected.run_id
        for name in names
        if name != "run_id" and getattr(run, name)
    }
    return RunPart(run_id=expected.run_id, **found)


def test_todays_format_is_the_golden_one(tmp_path: Path) -> None:
    """If this fails, the format has changed: give it a new number, and keep reading the old one."""
    golden.write(tmp_path)

    for name in ("00000001.segment", "names"):
        assert (tmp_path / golden.WRITER / name).read_bytes() == (DATA / "version1" / golden.WRITER / name).read_bytes()


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ((b"RBSPOOL\n", 2, 1, SLOT_BYTES, 1, 0, b""), "upgrade"),
        ((b"RBSPOOL\n", 256, 256, SLOT_BYTES << 24, 1 << 56, 0, b""), "byte order"),
    ],
)
def test_a_segment_that_this_release_cannot_read_stays_where_it_is(
    tmp_path: Path, head: tuple[object, ...], message: str
) -> None:
    spool = new_spool(tmp_path, is_shipped=False)
    spool.point(spool.series_id(LOSS), 1, 2, 3.0)
    path = spool.folder.path
    spool.close()
    (segment,) = path.glob("*.segment")
    packed = HEAD.pack(*head)
    changed = packed + crc32(packed).to_bytes(4, sys.byteorder) + segment.read_bytes()[SLOT_BYTES:]
    segment.write_bytes(changed)

    left = taken(path)
    with pytest.raises(RunebookError, match=message):
        left.gather(1, 100)
    left.close()

    assert segment.read_bytes() == changed
