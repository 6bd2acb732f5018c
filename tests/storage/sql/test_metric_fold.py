from __future__ import annotations

import math
import random
import signal
import struct
import subprocess
import sys
import threading
from array import array
from pathlib import Path

import pytest

from runebook.core.columns import Columns
from runebook.core.errors import InternalError
from runebook.core.runs import RunStatus
from runebook.storage.base import Series
from runebook.storage.sql import metric_fold
from runebook.storage.sql.metric_chunks import CHUNK_POINTS
from runebook.storage.sql.metric_fold import METRIC_CHUNKS, METRIC_FRAMES, Overtaken, read_fold, write_fold
from runebook.storage.sql.metric_folder import ENOUGH_FRAMES
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import add_run, history, log, metric

PROGRAM = Path(__file__).with_name("fold_until.py")


def opened(uri: str) -> SqlStorage:
    return SqlStorage.open(uri, artifact_root="/artifacts")


def add(storage: SqlStorage, run_id: str, key: str, points: Columns) -> None:
    with storage.write() as tx:
        tx.runs.locked([run_id])
        tx.metrics.append({run_id: [Series(key, points)]})


def even(first: int, count: int, value: float = 0.5) -> Columns:
    steps = array("q", range(first, first + count))
    return Columns(steps, steps, array("d", [value]) * count)


def fold_all(storage: SqlStorage, run_id: str) -> None:
    with storage.write() as tx:
        tx.metrics.fold(run_id)


def counts(storage: SqlStorage) -> tuple[int, int, int]:
    """Frames, chunks and points in chunks."""
    with storage.database.reading() as db:
        ((frames,),) = db.fetch("SELECT COUNT(*) FROM metric_frames")
        ((chunks, points),) = db.fetch("SELECT COUNT(*), COALESCE(SUM(points), 0) FROM metric_chunks")
    return int(frames), int(chunks), int(points)


def run_number(storage: SqlStorage) -> int:
    with storage.database.reading() as db:
        return int(db.fetch("SELECT MAX(id) FROM runs")[0][0])


def test_a_fold_corrects_the_count_of_points_that_came_twice(empty_uri: str) -> None:
    storage = opened(empty_uri)
    run_id = add_run(storage)
    for _ in range(3):
        log(storage, run_id, [metric("m", 1.0, 1), metric("m", 1.0, 2)])
    fold_all(storage, run_id)
    log(storage, run_id, [metric("m", 1.0, 3), metric("m", 1.0, 2)])
    with storage.database.reading() as session:
        assert session.fetch("SELECT points FROM metric_summaries") == [(4,)]
    fold_all(storage, run_id)
    with storage.database.reading() as session:
        assert session.fetch("SELECT points FROM metric_summaries") == [(3,)]
    assert counts(storage) == (0, 1, 3)
    storage.close()


def test_points_that_come_late_rewrite_only_the_chunks_they_reach_into(empty_uri: str) -> None:
    storage = opened(empty_uri)
    run_id = add_run(storage)
    add(storage, run_id, "m", even(0, 2 * CHUNK_POINTS + 9))
    fold_all(storage, run_id)
    log(storage, run_id, [metric("m", 2.0, -1, time=5000)])
    fold_all(storage, run_id)
    with storage.database.reading() as session:
        chunks = session.fetch("SELECT first_step, last_step, points FROM metric_chunks ORDER BY number")

    half = CHUNK_POINTS // 2
    assert chunks == [
        (-1, half - 2, half),
        (half - 1, CHUNK_POINTS - 1, half + 1),
        (CHUNK_POINTS, 2 * CHUNK_POINTS - 1, CHUNK_POINTS),
        (2 * CHUNK_POINTS, 2 * CHUNK_POINTS + 8, 9),
    ]
    storage.close()


def test_equal_points_collapse_across_chunks_and_frames(empty_uri: str) -> None:
    storage = opened(empty_uri)
    run_id = add_run(storage)
    points = even(0, CHUNK_POINTS + 100, math.nan)
    add(storage, run_id, "m", points)
    fold_all(storage, run_id)
    border = Columns.of(list(points)[CHUNK_POINTS - 5 : CHUNK_POINTS + 5])
    add(storage, run_id, "m", border)
    for _ in range(2):
        with storage.read() as tx:
            assert list(tx.metrics.history(run_id, "m").items.points.steps) == list(points.steps)
            page = tx.metrics.history(run_id, "m", max_results=CHUNK_POINTS)
            rest = tx.metrics.history(run_id, "m", page_token=page.next_token)
            assert [point.step for point in rest.items] == list(range(CHUNK_POINTS, CHUNK_POINTS + 100))
            assert len(tx.metrics.points_at(run_id, "m", [CHUNK_POINTS])) == 1
        fold_all(storage, run_id)
    assert counts(storage) == (0, 2, CHUNK_POINTS + 100)
    storage.close()


def test_a_large_run_is_folded_slice_by_slice(empty_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_fold, "SLICE_POINTS", 1000)
    monkeypatch.setattr(metric_fold, "SLICE_FRAMES", 7)
    storage = opened(empty_uri)
    run_id = add_run(storage)
    for first in range(0, 6000, 100):
        add(storage, run_id, "m", even(first, 100))
    steps = 0
    while storage.fold_step(1):
        steps += 1
        assert [step for _, step, _ in history(storage, run_id, "m")] == list(range(6000))

    assert steps == 7, "until fewer frames are left than are worth it"
    assert counts(storage)[0] == 60 - 7 * 7 < ENOUGH_FRAMES
    storage.close()


def test_series_beyond_the_budget_of_a_fold_wait_in_a_frame(empty_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = opened(empty_uri)
    run_id = add_run(storage)
    for key in ("a", "b", "c"):
        add(storage, run_id, key, even(0, 1000))
    fold_all(storage, run_id)
    monkeypatch.setattr(metric_fold, "REWRITTEN_POINTS", 1500)
    for key in ("a", "b", "c"):
        add(storage, run_id, key, even(500, 1000))
    with storage.database.reading() as db:
        fold = read_fold(db, run_number(storage))
    assert fold is not None
    assert len(fold.chunks) == 2
    assert [len(columns) for _, columns in fold.rest] == [1000]
    with storage.database.writing() as db:
        write_fold(db, fold)

    assert counts(storage) == (1, 3, 4000)
    for key in ("a", "b", "c"):
        assert [step for _, step, _ in history(storage, run_id, key)] == list(range(1500))
    storage.close()


def test_of_two_folds_of_the_same_frames_one_gives_up_and_nothing_is_lost(empty_uri: str) -> None:
    storage = opened(empty_uri)
    run_id = add_run(storage)
    for first in range(0, 100, 10):
        add(storage, run_id, "m", even(first, 10))
    run = run_number(storage)
    with storage.database.reading() as db:
        slow = read_fold(db, run)
    add(storage, run_id, "m", even(100, 10))
    with storage.database.reading() as db:
        fast = read_fold(db, run)
    assert slow is not None
    assert fast is not None
    with storage.database.writing() as db:
        write_fold(db, fast)
    with pytest.raises(Overtaken), storage.database.writing() as db:
        write_fold(db, slow)

    assert counts(storage) == (0, 1, 110)
    assert [step for _, step, _ in history(storage, run_id, "m")] == list(range(110))
    storage.close()


def test_what_is_appended_while_a_fold_works_stays(empty_uri: str) -> None:
    storage = opened(empty_uri)
    run_id = add_run(storage)
    add(storage, run_id, "m", even(0, 10))
    with storage.database.reading() as db:
        fold = read_fold(db, run_number(storage))
        add(storage, run_id, "m", even(10, 10))
    assert fold is not None
    with storage.database.writing() as db:
        write_fold(db, fold)

    assert counts(storage) == (1, 1, 10)
    assert [step for _, step, _ in history(storage, run_id, "m")] == list(range(20))
    storage.close()


def test_two_servers_fold_while_others_append_and_every_point_is_there_once(empty_uri: str) -> None:
    stores = [opened(empty_uri) for _ in range(3)]
    run_id = add_run(stores[0])
    done = threading.Event()
    errors: list[Exception] = []

    def fold(storage: SqlStorage) -> None:
        try:
            while not done.is_set():
                storage.fold_step(5)
        except Exception as error:  # noqa: BLE001  # shown by the test
            errors.append(error)

    folders = [threading.Thread(target=fold, args=(storage,)) for storage in stores[:2]]
    for thread in folders:
        thread.start()
    rng = random.Random(4)
    late = list(range(3000))
    rng.shuffle(late)
    for first in range(0, 3000, 10):
        add(stores[2], run_id, "m", even(first, 10))
        add(stores[2], run_id, "late", Columns.of(p for step in late[first : first + 10] for p in even(step, 1)))
    done.set()
    for thread in folders:
        thread.join(60)

    assert errors == []
    for key in ("m", "late"):
        assert [step for _, step, _ in history(stores[2], run_id, key)] == list(range(3000))
    assert counts(stores[2])[2] > 0
    for storage in stores:
        storage.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_fold_killed_before_any_statement_loses_and_doubles_nothing(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each killed fold is followed by the next on the same store, so they also go on where others were cut off."""
    server = None if kind == "sqlite" else request.getfixturevalue("postgresql")
    uri = f"sqlite:///{tmp_path}/store.db" if server is None else server.new_database()
    storage = opened(uri)
    run_id = add_run(storage)
    sent = 0
    killed = 0
    for statements in range(100):
        while counts(storage)[0] < ENOUGH_FRAMES:
            add(storage, run_id, "m", even(sent, 30))
            add(storage, run_id, "twice", even(sent // 2, 30))
            sent += 30
        program = subprocess.run([sys.executable, str(PROGRAM), uri, str(statements)], check=False)
        assert [step for _, step, _ in history(storage, run_id, "m")] == list(range(sent))
        if program.returncode == 0:
            break
        assert program.returncode == -signal.SIGKILL
        killed += 1

    assert program.returncode == 0
    assert killed > 12
    assert counts(storage)[0] < ENOUGH_FRAMES
    with storage.database.reading() as db:
        summaries = db.fetch("SELECT s.points FROM metric_summaries s JOIN names n ON n.id = s.name_id ORDER BY n.name")
    assert int(summaries[0][0]) == sent
    storage.close()


def test_a_transaction_that_others_wait_for_folds_one_slice_of_not_too_many_series(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = opened(sqlite_uri)
    narrow, wide = add_run(storage), add_run(storage)
    for first in range(0, 4000, 1000):
        add(storage, narrow, "m", even(first, 1000))
    for key in ("a", "b", "c"):
        add(storage, wide, key, even(0, 10))
    monkeypatch.setattr(metric_fold, "SLICE_POINTS", 2000)
    monkeypatch.setattr(metric_fold, "FOLDED_WITHIN_SERIES", 2)
    with storage.write() as tx:
        assert tx.metrics.fold(wide) == 0
        assert tx.metrics.fold(narrow, at_least=5) == 0
        assert tx.metrics.fold(narrow, at_least=4) == 2

    assert counts(storage) == (5, 1, 2000)
    storage.close()


def test_a_look_finds_the_runs_that_frames_came_to_and_no_other(empty_uri: str) -> None:
    storage = opened(empty_uri)
    runs = [add_run(storage) for _ in range(3)]
    for first in range(0, 20 * ENOUGH_FRAMES, 20):
        add(storage, runs[0], "m", even(first, 20))
    add(storage, runs[1], "m", even(0, 1000))
    assert storage.fold_step(9) == 1
    assert storage.fold_step(9) == 0
    assert counts(storage) == (1, 1, 20 * ENOUGH_FRAMES)

    for first in range(1000, 1000 + ENOUGH_FRAMES):
        add(storage, runs[1], "m", even(first, 1))
    assert storage.fold_step(9) == 1
    assert counts(storage)[0] == 0
    storage.close()


def test_the_last_frames_of_a_run_that_ended_are_folded_if_they_hold_enough(sqlite_uri: str) -> None:
    storage = opened(sqlite_uri)
    short, long = add_run(storage), add_run(storage)
    add(storage, short, "m", even(0, 10))
    add(storage, long, "m", even(0, 100))
    assert storage.fold_step(9) == 0
    with storage.write() as tx:
        for run_id in (short, long):
            tx.runs.update(run_id, status=RunStatus.FINISHED, end_time=1)

    assert storage.fold_step(9) == 1
    assert counts(storage) == (1, 1, 100)
    storage.close()


def test_thin_frames_of_many_series_wait_until_they_are_worth_chunks(sqlite_uri: str) -> None:
    storage = opened(sqlite_uri)
    run_id = add_run(storage)
    for step in range(64):
        with storage.write() as tx:
            tx.runs.locked([run_id])
            tx.metrics.append({run_id: [Series(f"m{number}", even(step, 1)) for number in range(40)]})
        if step < 63:
            assert storage.fold_step(9) == 0
    assert storage.fold_step(9) == 1
    assert counts(storage) == (0, 40, 64 * 40)
    storage.close()


def test_a_run_with_damaged_frames_does_not_keep_others_from_their_fold(sqlite_uri: str) -> None:
    storage = opened(sqlite_uri)
    damaged, sound = add_run(storage), add_run(storage)
    for first in range(0, 20 * ENOUGH_FRAMES, 10):
        add(storage, damaged, "m", even(first, 10))
    for first in range(0, 10 * ENOUGH_FRAMES, 10):
        add(storage, sound, "m", even(first, 10))
    with storage.database.writing() as db:
        db.execute("UPDATE metric_frames SET payload = substr(payload, 1, 30) WHERE id = 1")
    with pytest.raises(InternalError, match="damaged"):
        storage.fold_step(9)

    assert storage.fold_step(1) == 1
    assert [step for _, step, _ in history(storage, sound, "m")] == list(range(10 * ENOUGH_FRAMES))
    assert counts(storage)[1] == 1
    storage.close()


def test_a_million_points_are_read_back_whole_and_in_pages(sqlite_uri: str) -> None:
    storage = opened(sqlite_uri)
    run_id = add_run(storage)
    for first in range(0, 1_000_000, 20_000):
        add(storage, run_id, "m", even(first, 20_000))
        storage.fold_step(9)
    pages = []
    token = None
    with storage.read() as tx:
        whole = tx.metrics.history(run_id, "m").items
        assert whole.points == even(0, 1_000_000)
        while not pages or token:
            page = tx.metrics.history(run_id, "m", max_results=25_000, page_token=token)
            pages.append(page.items.points)
            token = page.next_token

    assert [len(page) for page in pages] == [25_000] * 40
    assert Columns.joined(pages) == whole.points
    assert counts(storage)[2] > 900_000
    storage.close()


def test_chunks_and_frames_of_the_first_release_are_read_and_folded_on(empty_uri: str) -> None:
    storage = opened(empty_uri)
    run_id = add_run(storage)
    log(storage, run_id, [metric("m", 0.5, 5000, time=5000)])
    with storage.database.reading() as db:
        ((name_id,),) = db.fetch("SELECT id FROM names WHERE name = 'm'")
    run = run_number(storage)

    def old(*columns: bytes) -> bytes:
        return struct.pack("<BBI", 1, 0, len(columns[0]) // 8) + b"".join(columns)

    rows = []
    for number in range(4):
        columns = even(number * 1000, 1000).to_bytes()
        first, last = number * 1000, number * 1000 + 999
        rows.append((run, name_id, number, first, last, first, last, 1000, old(*columns)))
    frame = old(struct.pack("<10q", *[name_id] * 10), *even(4000, 10).to_bytes())
    with storage.database.writing() as db:
        db.insert(METRIC_CHUNKS, rows)
        db.insert(METRIC_FRAMES, [(run, 10, frame)])
    wanted = [*range(4010), 5000]
    assert [step for _, step, _ in history(storage, run_id, "m")] == wanted
    log(storage, run_id, [metric("m", 0.5, -1, time=1500)])
    fold_all(storage, run_id)

    assert sorted(step for _, step, _ in history(storage, run_id, "m")) == [-1, *wanted]
    assert counts(storage)[::2] == (0, 4012)
    storage.close()
