from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from runebook.core.experiments import LifecycleStage
from runebook.core.ids import RunId, WriterId
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.tags import Tag
from runebook.storage.base import Storage
from runebook.storage.files import journal
from runebook.storage.files.changes import Append, Change, Delete, MakeFolder, Move, Write
from runebook.storage.files.layout import JOURNAL
from runebook.storage.writers import Lease
from runebook.testing.records import NOW_MS, add_experiment, add_run, metric, series

from .backend import FileBackend

RUN, TRASHED = RunId("a" * 32), RunId("b" * 32)


def append(path: Path, change: Append) -> bytes:
    journal.commit(path.parent, [change])
    return path.read_bytes()


@pytest.mark.parametrize(
    ("present", "change", "expected"),
    [
        (None, Append("m", 0, b"", b"1\n2\n"), b"1\n2\n"),
        (b"0\n", Append("m", 2, b"", b"1\n2\n"), b"0\n1\n2\n"),
        (b"0\n1\n2\n", Append("m", 2, b"", b"1\n2\n"), b"0\n1\n2\n"),
        (b"0\n1\n", Append("m", 2, b"", b"1\n2\n"), b"0\n1\n2\n"),
        (b"0\n1", Append("m", 2, b"", b"1\n2\n"), b"0\n1\n2\n"),
        (b"0\nto", Append("m", 2, b"to", b"1\n2\n"), b"0\n1\n2\n"),
        (b"0\ntorn by now\n", Append("m", 2, b"to", b"1\n2\n"), b"0\ntorn by now\n1\n2\n"),
        (b"0\nother\n", Append("m", 2, b"", b"1\n2\n"), b"0\nother\n1\n2\n"),
        (b"0\noth", Append("m", 2, b"", b"1\n2\n"), b"0\noth\n1\n2\n"),
        (b"0\nother\n1\n2\n", Append("m", 2, b"", b"1\n2\n"), b"0\nother\n1\n2\n"),
        (b"0\n11\n2\n", Append("m", 2, b"", b"1\n2\n"), b"0\n11\n2\n1\n2\n"),
    ],
    ids=[
        "new file",
        "as expected",
        "done before",
        "half done",
        "torn in a line",
        "somebody's torn line",
        "somebody's line ended meanwhile",
        "somebody's line between",
        "somebody's torn line between",
        "done before, after somebody's line",
        "a line that only ends like ours",
    ],
)
def test_lines_are_appended_once_whatever_is_there(
    tmp_path: Path, present: bytes | None, change: Append, expected: bytes
) -> None:
    if present is not None:
        (tmp_path / "m").write_bytes(present)

    assert append(tmp_path / "m", change) == expected


def test_changes_done_twice_are_done_once(tmp_path: Path) -> None:
    changes: list[Change] = [
        MakeFolder("one/two"),
        Append("one/lines", 0, b"", b"1\n"),
        Write("one/two/text", b"x"),
        Delete("one/old"),
        Move("one", "trash/one"),
    ]
    (tmp_path / "one").mkdir()
    (tmp_path / "one/old").touch()
    journal.commit(tmp_path, changes)
    once = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    assert once[tmp_path / "trash/one/two/text"] == b"x"
    assert tmp_path / "trash/one/old" not in once

    journal.commit(tmp_path, [changes[-1]])
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == once


def test_a_damaged_journal_is_dropped_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / JOURNAL).write_bytes(b"x" * 50)

    assert journal.finish(tmp_path)
    assert not journal.is_unfinished(tmp_path)
    assert "Dropped a damaged journal" in caplog.text


def test_what_another_writer_is_in_the_way_of_is_an_error_once_and_no_dead_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        journal.commit(tmp_path, [Write("taken", b"x"), Write("free", b"y")])

    assert journal.finish(tmp_path)
    assert (tmp_path / "free").read_bytes() == b"y"
    assert "Left out of a change" in caplog.text


def change_much(storage: Storage) -> None:
    """A transaction with every kind of change in it."""
    with storage.write() as tx:
        points = [metric("loss", 0.5, step) for step in range(3)] + [metric("new", 1.0)]
        tx.metrics.append({RUN: series(points)})
        tx.params.add({RUN: [Param(key="a", value="1"), Param(key="a/b", value="2")]})
        tx.tags.delete(RUN, "old")
        tx.writers.advance({WriterId("w"): 4}, NOW_MS)
        tx.leases.renew([Lease(RUN, WriterId("w"), NOW_MS)])
        tx.runs.update(RUN, run_name="changed")
        tx.experiments.set_stage(experiment_of(storage, "going"), LifecycleStage.DELETED, NOW_MS)


def experiment_of(storage: Storage, name: str) -> str:
    with storage.read() as tx:
        found = tx.experiments.get_by_name(name)
    assert found is not None
    return found.experiment_id


def state(root: Path) -> dict[str, Any]:
    storage = FileBackend(root).storage
    with storage.read() as tx:
        going = tx.experiments.get_by_name("going")
        assert going is not None
        run = tx.runs.get(RUN)
        return {
            "points": [tx.metrics.history(RUN, key).items for key in ("loss", "new")],
            "params": run.data.params,
            "tags": run.data.tags,
            "name": run.info.run_name,
            "stages": [going.lifecycle_stage, tx.runs.get_info(TRASHED).lifecycle_stage],
        }


def killed_at_line(number: int, root: Path) -> bool:
    """Change the store in a process that is killed before a line of the journal's code; whether it came that far.

    Of a line that is run many times, the first two times count.
    """
    child = os.fork()
    if child == 0:
        lines = iter(range(number))
        visits: Counter[int] = Counter()

        def trace(frame: FrameType, event: str, _arg: object) -> Any:
            if frame.f_code.co_filename != journal.__file__:
                return None
            visits[frame.f_lineno] += event == "line"
            if event == "line" and visits[frame.f_lineno] <= 2 and next(lines, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        storage = FileBackend(root).storage
        sys.settrace(trace)
        change_much(storage)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_writer_that_is_killed_at_any_line_leaves_all_or_nothing(tmp_path: Path) -> None:
    base = FileBackend(tmp_path / "base")
    add_run(base.storage, run_id=RUN, run_name="as it was", tags=[Tag(key="old", value="x")])
    add_run(base.storage, add_experiment(base.storage, "going"), run_id=TRASHED)
    with base.storage.write() as tx:
        tx.metrics.append({RUN: series([metric("loss", 9.0)])})
    before = state(base.root)
    shutil.copytree(base.root, tmp_path / "after")
    change_much(FileBackend(tmp_path / "after").storage)
    after = state(tmp_path / "after")
    assert before != after

    seen = []
    for number in range(10_000):
        root = tmp_path / "killed"
        shutil.copytree(base.root, root)
        if not killed_at_line(number, root):
            break
        found = state(root)
        assert found in (before, after), f"killed at line {number}"
        seen.append(found == after)
        assert not journal.is_unfinished(root)
        shutil.rmtree(root)

    assert seen == sorted(seen), "once it is done it stays done"
    assert {False, True} == set(seen)
    assert len(seen) > 80


def test_a_reader_finishes_what_a_killed_writer_left(backend: FileBackend) -> None:
    run_id = add_run(backend.storage)
    body = Write(f"0/{run_id}/params/left", b"behind")
    with pytest.raises(IsADirectoryError):  # stops after the journal is there, as a killed writer does
        journal.commit(backend.root, [Write("0", b""), body])

    with backend.storage.read() as tx:
        assert tx.runs.get(run_id).data.params == [Param(key="left", value="behind")]


def test_the_cut_line_of_a_killed_mlflow_is_passed_over_and_then_cut_off(backend: FileBackend) -> None:
    run_id = add_run(backend.storage)
    path = backend.root / "0" / run_id / "metrics" / "loss"
    path.write_text("5 0.5 1\n6 0.25 46")

    with backend.storage.write() as tx:
        assert [point.step for point in tx.metrics.history(run_id, "loss").items] == [1]
        tx.metrics.append({run_id: series([Metric(key="loss", value=1.0, timestamp=7, step=2)])})
        assert [point.step for point in tx.metrics.history(run_id, "loss").items] == [1, 2]
    assert path.read_text() == "5 0.5 1\n7 1.0 2\n"
