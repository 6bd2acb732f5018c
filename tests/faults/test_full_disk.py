"""A full disk is said clearly, breaks nothing, and is got over by itself once there is space."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.faults import filling, tracking
from tests.faults.plain_writers import KINDS
from tests.faults.programs import Program, client_environment, programs
from tests.faults.small_disk import FILLER, fill, free, small_disk
from tests.faults.stored_points import is_whole, open_store, statuses, stored_points
from tests.faults.tracked import check_tracked, told_by
from tests.server.running import RunningServer

from runebook.core.runs import RunStatus

HANG_SECONDS = 120.0
FULL_SECONDS = 2.0
"""How long a disk stays full while others work."""


def test_a_store_in_a_file_gets_over_a_full_disk(tmp_path: Path) -> None:
    environment = client_environment(tmp_path, RUNEBOOK_FLUSH_TIMEOUT=str(HANG_SECONDS))
    with small_disk(tmp_path, 24) as disk:
        store = f"sqlite:///{disk}/runebook.db"
        open_store(store).close()
        commands = [(tracking.__file__, store, number * 2, 2, 5) for number in range(2)]
        with programs(tmp_path, environment, commands) as running:
            wait_for_runs(store, 4)
            for _ in range(2):
                fill(disk)
                time.sleep(FULL_SECONDS)
                assert is_whole(disk / "runebook.db")
                free(disk)
                time.sleep(0.5)
            told = told_by(running, HANG_SECONDS)
        assert any("full" in one.log for one in told), told
        assert list((tmp_path / "spool").iterdir()) == []
        storage = open_store(store)
        points = sum(check_tracked(storage, run) for one in told for run in one.runs)
        storage.close()
        assert points > 1000
        assert is_whole(disk / "runebook.db")


def test_a_server_says_that_its_disk_is_full_and_gets_over_it(tmp_path: Path) -> None:
    with small_disk(tmp_path, 24) as disk:
        store = f"sqlite:///{disk}/runebook.db"
        with RunningServer(tmp_path, backend_store_uri=store, fold_interval_s=0.5) as server:
            writers = [kind(server.port, number) for number, kind in enumerate(KINDS)]
            for writer in writers:
                writer.start()
            try:
                time.sleep(0.5)
                fill(disk)
                time.sleep(FULL_SECONDS)
                assert is_whole(disk / "runebook.db")
                read = server.request("GET", f"/api/2.0/mlflow/runs/get?run_id={writers[0].run_id}")
                free(disk)
                before = [writer.acknowledged for writer in writers]
                until = time.monotonic() + HANG_SECONDS
                while any(writer.acknowledged <= count for writer, count in zip(writers, before, strict=True)):
                    assert time.monotonic() < until, "no writer gets on"
                    time.sleep(0.05)
            finally:
                for writer in writers:
                    writer.stop()
            for writer in writers:
                writer.join()
            refused = {reason for writer in writers for reason in writer.refused}
            assert any("full" in reason for reason in refused), refused
            assert read.status == 200
        storage = open_store(store)
        for writer in writers:
            assert stored_points(storage, writer.run_id, "m", writer.writer).numbers == writer.acknowledged
        storage.close()
        assert is_whole(disk / "runebook.db")


def test_a_spool_on_a_full_disk_says_so_and_keeps_what_it_took(tmp_path: Path) -> None:
    with small_disk(tmp_path, 16) as disk, RunningServer(tmp_path) as first:
        (disk / FILLER).write_bytes(bytes(5 << 20))  # as a part of what is freed
        environment = client_environment(tmp_path, RUNEBOOK_SPOOL_DIR=str(disk / "spool"))
        store = f"http://127.0.0.1:{first.port}"
        with Program(tmp_path, environment, filling.__file__, store, disk) as program:
            run_id = program.hear()["run_id"]
            first.stop(signal.SIGKILL)
            program.tell()
            full = program.hear()
            free(disk)
            with RunningServer(tmp_path, port=first.port) as second:
                program.tell()
                last = program.hear()
                program.finish(HANG_SECONDS)
        assert full["count"] > 100_000
        for reason in (full["reason"], full["reason_of_keys"]):
            assert "No space left on device" in reason
            assert "RUNEBOOK_SPOOL_DIR" in reason
        assert list((disk / "spool").iterdir()) == []
    storage = open_store(f"sqlite:///{second.database}")
    assert stored_points(storage, run_id, filling.KEY, 0) == (last["count"], last["count"])
    with storage.read() as tx:
        keys = {metric.key for metric in tx.runs.get(run_id).data.metrics}
    assert keys == {filling.KEY, *full["keys"]}
    assert statuses(storage) == {run_id: RunStatus.FINISHED}
    storage.close()


def wait_for_runs(store: str, count: int) -> None:
    until = time.monotonic() + HANG_SECONDS
    storage = open_store(store)
    while len(statuses(storage)) < count:
        assert time.monotonic() < until
        time.sleep(0.05)
    storage.close()
