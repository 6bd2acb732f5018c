"""The spool in memory and on the disk: segments, their end and their reuse, its limit, a full disk."""

from __future__ import annotations

import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.client.spool.making import LOSS, MEGABYTE, RUN, STORE, new_spool, tags, take_all

from runebook.api.frames import RunPart
from runebook.client.spool import spool as spools
from runebook.client.spool.folder import make_folder
from runebook.client.spool.left import LeftSpool
from runebook.client.spool.names import SeriesName, read_names
from runebook.client.spool.records import MAX_TEXT_BYTES, SLOT_BYTES
from runebook.client.spool.spool import Spool
from runebook.core.errors import InvalidParameterValue, TemporarilyUnavailable
from runebook.core.ids import new_writer_id

SLOTS = 20
"""In each segment of these tests, but where they are to be full size."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "FIRST_SEGMENT_SLOTS", SLOTS)
    monkeypatch.setattr(spools, "SEGMENT_SLOTS", SLOTS)


@pytest.fixture
def spool(tmp_path: Path, small: None) -> Iterator[Spool]:
    made = new_spool(tmp_path)
    yield made
    made.close()


def log(spool: Spool, steps: range, series: int | None = None) -> int:
    """Log points; returns the id of their series."""
    number = spool.series_id(LOSS) if series is None else series
    for step in steps:
        spool.point(number, step, 0, step / 7)
    return number


def segments_of(spool: Spool) -> list[Path]:
    return sorted(spool.folder.path.glob("*.segment"))


def test_points_go_on_in_the_next_segment(spool: Spool) -> None:
    log(spool, range(5 * SLOTS + 3))

    assert len(segments_of(spool)) == 6
    assert take_all(spool).steps() == list(range(5 * SLOTS + 3))


def test_segments_are_used_again_once_the_store_has_what_they_hold(spool: Spool) -> None:
    series = log(spool, range(3 * SLOTS))
    took = take_all(spool).steps()
    before = set(segments_of(spool))

    for turn in range(3, 40):
        log(spool, range(turn * SLOTS, (turn + 1) * SLOTS), series)
        took += take_all(spool, 7).steps()

    assert took == list(range(40 * SLOTS))
    assert len(segments_of(spool)) <= 2 + spools.SPARE_SEGMENTS
    assert set(segments_of(spool)) & before


def test_what_a_reused_segment_held_before_is_not_taken_for_new(spool: Spool) -> None:
    series = log(spool, range(4 * SLOTS))
    take_all(spool)
    log(spool, range(1000, 1000 + SLOTS // 2), series)

    assert take_all(spool).steps() == list(range(1000, 1000 + SLOTS // 2))


def test_a_process_that_finds_a_reused_segment_takes_the_new_records_alone(tmp_path: Path, small: None) -> None:
    spool = new_spool(tmp_path, is_shipped=False)
    series = log(spool, range(4 * SLOTS))
    take_all(spool)
    log(spool, range(1000, 1000 + SLOTS + 3), series)
    copy = tmp_path / "after the machine stopped" / spool.writer
    shutil.copytree(spool.folder.path, copy)

    left = LeftSpool.take(copy)
    assert left is not None
    assert take_all(left).steps() == list(range(1000, 1000 + SLOTS + 3))


def test_what_is_kept_stands_in_a_segment_that_stays_before_others_are_freed(tmp_path: Path, small: None) -> None:
    folder = make_folder(tmp_path, new_writer_id(), STORE, is_shipped=True)
    lease = RunPart(run_id=RUN, lease_ms=1000)
    spool = Spool(folder, limit_bytes=MEGABYTE, kept=lambda: [lease])
    spool.part(lease)
    series = log(spool, range(1))
    for turn in range(1, 40):
        log(spool, range(turn * SLOTS, (turn + 1) * SLOTS), series)
        take_all(spool, 7)
        copy = tmp_path / f"killed {turn}" / spool.writer
        shutil.copytree(folder.path, copy)
        left = LeftSpool.take(copy)
        assert left is not None
        assert set(left.runs_without_end()) == {RUN}
        left.close()
    spool.close()


@pytest.mark.parametrize("length", [0, 1, SLOT_BYTES, (SLOTS - 3) * SLOT_BYTES, SLOTS * SLOT_BYTES, 100_000])
@pytest.mark.parametrize("before", [0, 1, SLOTS - 2, SLOTS - 1, SLOTS])
def test_a_text_finds_room_wherever_it_comes(spool: Spool, length: int, before: int) -> None:
    series = log(spool, range(before))
    spool.part(tags("x" * length))
    log(spool, range(before, before + 3), series)

    content = take_all(spool, 4)

    assert content.tags() == ["x" * length]
    assert content.steps() == list(range(before + 3))


def test_many_metrics_at_once_find_room_in_one_segment(spool: Spool) -> None:
    series = [spool.series_id(SeriesName(RUN, f"m{number}")) for number in range(3 * SLOTS)]
    log(spool, range(SLOTS - 1))
    spool.points(series, [float(number) for number in series], 5, 6)

    content = take_all(spool)

    assert [content.columns(f"m{place}").values[0] for place in range(3 * SLOTS)] == list(map(float, series))


def test_a_text_that_is_too_long_is_refused_before_anything_is_written(spool: Spool) -> None:
    log(spool, range(3))
    with pytest.raises(InvalidParameterValue, match="Log large texts as artifacts"):
        spool.part(tags("x" * (MAX_TEXT_BYTES + 1)))

    assert take_all(spool).steps() == [0, 1, 2]
    assert spool.written() == 3


def test_a_step_that_no_record_holds_is_refused_and_nothing_is_lost(spool: Spool) -> None:
    series = log(spool, range(3))
    with pytest.raises(struct.error):
        spool.point(series, 2**63, 0, 0.5)
    log(spool, range(3, 6), series)

    assert take_all(spool).steps() == [0, 1, 2, 3, 4, 5]


def test_a_spool_of_which_the_store_has_all_is_removed_when_it_is_closed(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    log(spool, range(10))
    take_all(spool)
    spool.close()

    assert list(tmp_path.iterdir()) == []


def test_a_spool_of_which_the_store_lacks_something_stays(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    log(spool, range(10))
    spool.close()

    left = LeftSpool.take(tmp_path / spool.writer)
    assert left is not None
    assert take_all(left).steps() == list(range(10))


def test_an_answer_that_comes_after_the_spool_was_closed_writes_nowhere(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    log(spool, range(10))
    spool.close()
    with (tmp_path / "of the caller").open("w+b") as file:  # it may get the number that the spool's file had
        spool.acknowledge(10)
        file.seek(0)

        assert file.read() == b""


def test_names_of_ended_runs_are_forgotten_once_the_table_is_large_and_all_is_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "NAMES_BYTES_WORTH_FORGETTING", 100)
    spool = new_spool(tmp_path)
    log(spool, range(1))
    assert not spool.forget_names({RUN})  # not all is shipped
    take_all(spool)
    assert not spool.forget_names({RUN})  # the table is small
    for number in range(10):
        spool.series_id(SeriesName("1" * 32, f"m{number}"))

    assert spool.forget_names({RUN})
    assert {name.run_id for name in read_names(spool.folder.path).values()} == {"1" * 32}


def test_at_the_limit_the_caller_waits_until_the_store_takes_something(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spools, "WARN_SECONDS", 0.1)
    spool = new_spool(tmp_path, limit_bytes=4 * SLOTS * SLOT_BYTES)
    series = log(spool, range(4 * SLOTS))
    waiting = threading.Thread(target=log, args=(spool, range(4 * SLOTS, 12 * SLOTS), series))
    waiting.start()

    waiting.join(1.5)
    assert waiting.is_alive()
    assert "is full (0 MB); logging waits" in caplog.text
    took = []
    while waiting.is_alive() or spool.acknowledged < spool.written():
        took += take_all(spool, 10).steps()
        time.sleep(0.001)

    assert took == list(range(12 * SLOTS))
    assert len(segments_of(spool)) <= 4


def test_at_the_limit_a_spool_that_this_process_does_not_ship_says_so(tmp_path: Path, small: None) -> None:
    spool = new_spool(tmp_path, limit_bytes=2 * SLOTS * SLOT_BYTES, is_shipped=False)
    series = log(spool, range(2 * SLOTS))

    with pytest.raises(TemporarilyUnavailable, match="runebook sync"):
        spool.point(series, 1, 1, 1.0)
    assert take_all(spool).steps() == list(range(2 * SLOTS))


def test_the_thread_that_ships_never_waits_for_itself(tmp_path: Path, small: None) -> None:
    spool = new_spool(tmp_path, limit_bytes=2 * SLOTS * SLOT_BYTES)
    log(spool, range(2 * SLOTS))

    def ship() -> None:
        spool.ships()
        spool.part(tags("a lease"))

    shipping = threading.Thread(target=ship, daemon=True)
    shipping.start()
    shipping.join(10)

    assert not shipping.is_alive()
    assert take_all(spool).tags() == ["a lease"]


def fill(spool: Spool, series: int, first: int) -> int:
    """Log until the disk is full. Returns the step that there was no room for."""
    for step in count(first):
        try:
            spool.point(series, step, 0, step / 7)
        except TemporarilyUnavailable:
            return step
    raise AssertionError


def name_series(spool: Spool, count: int) -> None:
    for number in range(count):
        spool.series_id(SeriesName(RUN, f"{number}" * 40))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_is_a_clear_error_and_logging_goes_on_when_there_is_space_again(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_SLOTS", spools.FIRST_SEGMENT_SLOTS)
    spool = new_spool(small_disk / "spool")
    series = spool.series_id(LOSS)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    logged = fill(spool, series, 0)
    with pytest.raises(TemporarilyUnavailable, match=r"cannot take \d+ bytes: No space left on device\. Free space"):
        spool.point(series, logged, 0, 0.5)
    with pytest.raises(TemporarilyUnavailable, match="No space left"):
        spool.part(tags("x" * 300_000))
    with pytest.raises(TemporarilyUnavailable, match="cannot be written: No space left"):
        name_series(spool, 10_000)
    assert logged > spools.FIRST_SEGMENT_SLOTS

    ballast.unlink()
    log(spool, range(logged, logged + 100), series)
    late = spool.series_id(SeriesName(RUN, "late"))
    spool.point(late, 1, 2, 3.0)

    content = take_all(spool)
    assert content.steps() == list(range(logged + 100))
    assert content.steps("late") == [1]
    assert read_names(spool.folder.path) == spool.names


def test_what_is_shipped_frees_a_full_disk(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "SEGMENT_SLOTS", spools.FIRST_SEGMENT_SLOTS)
    spool = new_spool(small_disk / "spool")
    series = spool.series_id(LOSS)
    took: list[int] = []
    step = 0
    for _ in range(5):
        step = fill(spool, series, step)
        spool.prepare()  # finds no space for a segment in advance, and says nothing
        took += take_all(spool).steps()

    assert took == list(range(step))
    assert spool.folder.acknowledged() == spool.written()


def test_a_folder_that_may_not_be_written_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(TemporarilyUnavailable, match="RUNEBOOK_SPOOL_DIR"):
        new_spool(tmp_path / "file")


def test_the_spool_of_a_shared_folder_is_its_owners_alone(tmp_path: Path) -> None:
    spool = new_spool(tmp_path / "new")

    modes = {path.name: path.stat().st_mode & 0o077 for path in [spool.folder.path, *spool.folder.path.iterdir()]}
    assert {name for name, mode in modes.items() if mode} - {"spool.json"} == set()
    assert sum(path.stat().st_size for path in spool.folder.path.iterdir()) < MEGABYTE
    spool.close()
