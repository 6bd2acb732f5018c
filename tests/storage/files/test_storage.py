from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runebook.core.errors import InternalError, TemporarilyUnavailable
from runebook.core.experiments import LifecycleStage
from runebook.storage.files import lock
from runebook.storage.files.storage import FileStorage
from runebook.testing.records import NOW_MS, add_experiment, add_run, everything, history, log, metric, series, used

from .backend import FileBackend


def test_a_new_store_holds_what_mlflows_does_and_files_that_it_does_not_see(backend: FileBackend) -> None:
    found = {str(path.relative_to(backend.root)) for path in backend.root.rglob("*")}

    assert {name for name in found if not name.startswith(".runebook")} == {"0", "0/meta.yaml", ".trash"}
    assert all((backend.root / name).is_file() for name in found if name.startswith(".runebook"))


def test_a_folder_that_cannot_be_is_said_to_be_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TemporarilyUnavailable, match="no store"):
        FileStorage.open(str(tmp_path / "file" / "mlruns"), artifact_root="/a")


def test_a_store_that_was_taken_away_is_unavailable(backend: FileBackend) -> None:
    shutil.rmtree(backend.root)
    with pytest.raises(TemporarilyUnavailable, match="cannot be read"), backend.storage.read():
        pass
    with pytest.raises(TemporarilyUnavailable, match="cannot be written"), backend.storage.write():
        pass


def test_a_transaction_that_reads_cannot_write(backend: FileBackend) -> None:
    with backend.storage.read() as tx, pytest.raises(InternalError):
        tx.experiments.create("new", None, "/a", [], NOW_MS)


def write_points(root: str, writer: int, run_id: str) -> None:
    storage = FileStorage.open(root, artifact_root="/a")
    for step in range(20):
        with storage.write() as tx:
            points = [metric("loss", float(writer), step), metric(f"own/{writer}", 1.0, step)]
            tx.metrics.append({run_id: series(points)})


def test_processes_that_write_at_once_lose_nothing(backend: FileBackend) -> None:
    run_id = add_run(backend.storage)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_points, args=(str(backend.root), n, run_id)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(history(backend.storage, run_id, "loss")) == 60
    assert sorted(backend.raw_points(run_id, "loss")) == sorted(set(backend.raw_points(run_id, "loss")))


def test_a_writer_waits_for_another_and_gives_up_in_the_end(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "WAIT_S", 0.05)
    again = backend.open_again()
    with again.write(), pytest.raises(TemporarilyUnavailable, match="locked"), backend.storage.write():
        pass


def test_a_writer_that_readers_never_let_go_first_leaves_no_trace(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "WAIT_S", 0.05)
    run_id = add_run(backend.storage)
    with backend.open_again().read(), pytest.raises(TemporarilyUnavailable, match="without a pause"):
        log(backend.storage, run_id, [metric("loss", 1.0)])

    assert history(backend.open_again(), run_id, "loss") == []


def test_a_read_sees_no_change_that_comes_meanwhile(backend: FileBackend) -> None:
    run_id = add_run(backend.storage)
    with backend.storage.read() as tx:
        writer = threading.Thread(target=log, args=(backend.storage, run_id, [metric("loss", 1.0)]))
        writer.start()
        time.sleep(0.1)
        assert tx.metrics.history(run_id, "loss").items == []
    writer.join()
    assert len(history(backend.storage, run_id, "loss")) == 1


def test_what_mlflow_changes_meanwhile_is_seen_at_once(backend: FileBackend) -> None:
    run_id = add_run(backend.storage)
    log(backend.storage, run_id, [metric("loss", 1.0)])
    folder = backend.run_folder(run_id)
    for step in range(1, 4):
        with (folder / "metrics" / "loss").open("a") as file:
            file.write(f"{NOW_MS} {step}.5 {step}\n")
        text = (folder / "meta.yaml").read_text()
        (folder / "meta.yaml").write_text(text.replace(f"status: {step}", f"status: {step + 1}"))
        with backend.storage.read() as tx:
            run = tx.runs.get(run_id)
        assert [each.value for each in run.data.metrics] == [step + 0.5]
        assert run.info.status.number == step + 1


def test_a_run_is_found_after_its_experiment_was_moved_by_somebody_else(backend: FileBackend) -> None:
    experiment_id = add_experiment(backend.storage)
    run_id = add_run(backend.storage, experiment_id)
    shutil.move(backend.root / experiment_id, backend.root / ".trash" / experiment_id)

    with backend.storage.read() as tx:
        assert tx.runs.get_info(run_id).experiment_id == experiment_id
        assert tx.experiments.get(experiment_id).lifecycle_stage is LifecycleStage.DELETED


@pytest.mark.parametrize("text", ["a: [b\n", "just text\n", "", "run_id: x\n", "!!python/object:os.system {}\n"])
def test_a_malformed_run_is_passed_over_in_lists_and_told_when_asked_for(
    backend: FileBackend, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = add_run(backend.storage), add_run(backend.storage)
    (backend.run_folder(bad) / "meta.yaml").write_text(text)
    with backend.storage.read() as tx:
        for _ in range(2):
            assert [run.info.run_id for run in tx.runs.search(["0"], everything()).items] == [good]
        with pytest.raises(InternalError, match=f"{bad}/meta.yaml is malformed"):
            tx.runs.get(bad)

    assert caplog.text.count(f"Passed over 0/{bad}/meta.yaml") == 1


def test_a_malformed_experiment_is_passed_over_in_lists_and_told_when_asked_for(
    backend: FileBackend, caplog: pytest.LogCaptureFixture
) -> None:
    experiment_id = add_experiment(backend.storage)
    (backend.root / experiment_id / "meta.yaml").write_text("artifact_location: /x\n")
    (backend.root / "123").mkdir()
    (backend.root / "not an experiment").mkdir()
    with backend.storage.read() as tx:
        assert [each.name for each in tx.experiments.search(everything()).items] == ["Default"]
        with pytest.raises(InternalError, match="malformed"):
            tx.experiments.get(experiment_id)

    assert f"Passed over {experiment_id}/meta.yaml" in caplog.text


def test_all_runs_come_back_with_an_experiment_that_mlflow_took_to_the_trash(backend: FileBackend) -> None:
    experiment_id = add_experiment(backend.storage)
    runs = [add_run(backend.storage, experiment_id) for _ in range(2)]
    with backend.storage.write() as tx:  # deleted and restored here once, so that a note of it may be left
        tx.runs.set_stage(runs[0], LifecycleStage.DELETED, NOW_MS)
        tx.experiments.set_stage(experiment_id, LifecycleStage.DELETED, NOW_MS)
    note = next(backend.root.rglob("deleted-runs.json")).read_bytes()
    trashed = backend.root / ".trash" / experiment_id
    meta = (trashed / "meta.yaml").read_text()
    (trashed / "meta.yaml").write_text(meta.replace(f"last_update_time: {NOW_MS}", f"last_update_time: {NOW_MS + 9}"))
    assert runs[1].encode() in note

    with backend.storage.write() as tx:
        tx.experiments.set_stage(experiment_id, LifecycleStage.ACTIVE, NOW_MS + 10)
    with backend.storage.read() as tx:
        stages = [tx.runs.get_info(run_id).lifecycle_stage for run_id in runs]
    assert stages == [LifecycleStage.ACTIVE, LifecycleStage.ACTIVE]


def test_datasets_whose_names_and_digests_run_together_are_kept_apart(backend: FileBackend) -> None:
    run_id = add_run(backend.storage)
    with backend.storage.write() as tx:
        tx.datasets.log_inputs(run_id, [used("ab", "c"), used("a", "bc"), used("ab", "c")], [])
    with backend.storage.read() as tx:
        inputs = tx.runs.get(run_id).inputs.dataset_inputs
    assert [(each.dataset.name, each.dataset.digest) for each in inputs] == [("a", "bc"), ("ab", "c")]


def test_opening_a_store_imports_no_yaml_before_there_is_something_to_read(tmp_path: Path) -> None:
    code = "import sys, runebook.storage.files.storage; print('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
