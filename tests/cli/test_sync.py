"""`runebook sync`, with real processes before, beside and after it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.cli import offline_training
from tests.cli.calls import Done
from tests.faults.stored_points import open_store, stored_points
from tests.server.running import RunningServer

from runebook.client.spool.records import SLOT_BYTES
from runebook.core.runs import RunStatus


class Machine(NamedTuple):
    """A folder of spools, and what is run beside it."""

    folder: Path
    tracking_uri: str

    @property
    def spools(self) -> Path:
        return self.folder / "spools"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNEBOOK_", "MLFLOW_"))}
        return kept | {
            "RUNEBOOK_TRACKING_URI": self.tracking_uri,
            "RUNEBOOK_SPOOL_DIR": str(self.spools),
            "RUNEBOOK_GIT_DIFF": "false",
            "NO_PROXY": "127.0.0.1",
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def training(self, run_id: str, points: int, pause_seconds: float = 0.0) -> subprocess.Popen[str]:
        return self.start(offline_training.__file__, run_id, str(points), str(pause_seconds))

    def train(self, run_id: str, points: int) -> None:
        done = self.training(run_id, points)
        assert (done.communicate(timeout=100)[1], done.returncode) == ("", 0)

    def syncing(self, *arguments: str) -> subprocess.Popen[str]:
        return self.start("-m", "runebook", "sync", *arguments)

    def sync(self, *arguments: str) -> Done:
        return finished(self.syncing(*arguments))

    def copy(self, folder: Path) -> Machine:
        """Another machine, to which the spools were copied."""
        shutil.copytree(self.folder, folder)
        return Machine(folder, self.tracking_uri)

    def segments(self) -> list[Path]:
        return sorted(self.spools.glob("*/*.segment"))


def finished(process: subprocess.Popen[str]) -> Done:
    stdout, stderr = process.communicate(timeout=100)
    return Done(process.returncode, stdout, stderr)


@pytest.fixture(params=["sqlite", "server"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A machine whose store is a SQLite file, or a server that keeps one."""
    folder = tmp_path / "machine"
    folder.mkdir()
    if request.param == "sqlite":
        yield Machine(folder, f"sqlite:///{tmp_path}/runebook.db")
        return
    with RunningServer(tmp_path) as server:
        yield Machine(folder, f"http://127.0.0.1:{server.port}")


@pytest.fixture
def local(tmp_path: Path) -> Machine:
    folder = tmp_path / "machine"
    folder.mkdir()
    return Machine(folder, f"sqlite:///{tmp_path}/runebook.db")


def check(tmp_path: Path, run_id: str, points: int, status: RunStatus = RunStatus.FINISHED) -> None:
    """Look into the database: each point is there by value, and was counted once."""
    storage = open_store(f"sqlite:///{tmp_path}/runebook.db")
    try:
        with storage.read() as tx:
            assert tx.runs.get(run_id).info.status is status  # type: ignore[arg-type]
        assert stored_points(storage, run_id, "m", 0) == (points, points)
    finally:
        storage.close()


A, B, C, D, E = ("abcde"[number] * 32 for number in range(5))


def test_offline_runs_are_shipped_once_however_often(machine: Machine, tmp_path: Path) -> None:
    for run_id in (A, B, C, D, E):
        machine.train(run_id, 20_000)

    listed = machine.sync("--dry-run", "--json")
    first, second = machine.sync(), machine.sync()

    assert [one["records"] for one in listed.json] == [20_003] * 5  # with the start, the param and the status
    assert (first.exit_code, first.stderr) == (0, "")
    assert len(first.lines) == 6
    assert first.lines[0].startswith(f"{machine.spools}/")
    assert "1 run, 20003 records (8" in first.lines[0]
    assert second.lines == [f"There is nothing to ship in {machine.spools}."]
    assert list(machine.spools.iterdir()) == []
    for run_id in (A, B, C, D, E):
        check(tmp_path, run_id, 20_000)


def test_a_run_that_goes_on_is_shipped_as_far_as_it_is(machine: Machine, tmp_path: Path) -> None:
    training = machine.training(A, 60_000, 0.05)
    shipped = []
    while training.poll() is None:
        done = machine.sync("--json")
        assert done.exit_code == 0, done
        shipped += [one["records"] for one in done.json]
    assert training.communicate()[1] == ""
    machine.sync()

    assert len([number for number in shipped if number]) > 1
    check(tmp_path, A, 60_000)


def test_copies_of_one_spool_are_shipped_from_two_machines_at_once(machine: Machine, tmp_path: Path) -> None:
    machine.train(A, 200_000)
    other = machine.copy(tmp_path / "other")

    done = [finished(process) for process in [machine.syncing(), other.syncing(str(other.spools))]]

    assert [(one.exit_code, one.stderr) for one in done] == [(0, "")] * 2
    check(tmp_path, A, 200_000)


def test_a_sync_that_is_killed_in_the_middle_is_gone_on_with(machine: Machine, tmp_path: Path) -> None:
    machine.train(A, 300_000)
    kills = 0
    for attempt in range(12):
        process = machine.syncing()
        time.sleep(0.15 + 0.1 * attempt)
        if process.poll() is None:
            kills += 1
            process.send_signal(signal.SIGKILL)
        process.communicate()

    machine.sync()
    assert kills
    check(tmp_path, A, 300_000)


def test_a_run_whose_process_was_killed_is_ended_where_it_stopped(machine: Machine, tmp_path: Path) -> None:
    training = machine.training(A, 1_000_000, 0.01)
    while not machine.segments():
        time.sleep(0.05)
    time.sleep(0.5)
    training.kill()
    training.communicate()

    assert machine.sync().exit_code == 0
    storage = open_store(f"sqlite:///{tmp_path}/runebook.db")
    points = stored_points(storage, A, "m", 0).numbers
    storage.close()
    assert points > 1000
    check(tmp_path, A, points, RunStatus.KILLED)


def test_spools_go_to_their_own_store_or_to_the_one_that_is_named(local: Machine, tmp_path: Path) -> None:
    local.train(A, 10)
    elsewhere = Machine(local.folder, "http://127.0.0.1:9")
    elsewhere.train(B, 10)

    assert "Left out: 1 spool for http://127.0.0.1:9." in local.sync().stdout
    check(tmp_path, A, 10)
    refused = local.sync("--all")
    assert (refused.exit_code, "cannot be reached" in refused.stdout) == (6, True)
    assert local.sync("--all", "--tracking-uri", f"sqlite:///{tmp_path}/runebook.db").exit_code == 0
    check(tmp_path, B, 10)


def test_a_dry_run_changes_nothing(local: Machine, tmp_path: Path) -> None:
    local.train(A, 1000)
    before = {path: path.stat().st_size for path in local.spools.rglob("*")}

    (listed,) = local.sync("--dry-run", "--json").json

    assert listed["records"] > 1000
    assert (listed["runs"], listed["is_written"], listed["tracking_uri"]) == ([], False, local.tracking_uri)
    assert not (tmp_path / "runebook.db").exists()
    assert {path: path.stat().st_size for path in local.spools.rglob("*")} | before == {
        path: path.stat().st_size for path in local.spools.rglob("*")
    }


def newer_segment(machine: Machine) -> str:
    return head_of(machine, slice(8, 10), b"\x09\x00")


def foreign_segment(machine: Machine) -> str:
    return head_of(machine, slice(10, 12), b"\x00\x01")


def head_of(machine: Machine, where: slice, what: bytes) -> str:
    """Change the first segment's head, and its checksum with it."""
    from zlib import crc32

    path = machine.segments()[0]
    data = bytearray(path.read_bytes())
    data[where] = what
    data[SLOT_BYTES - 4 : SLOT_BYTES] = crc32(bytes(data[: SLOT_BYTES - 4])).to_bytes(4, sys.byteorder)
    path.write_bytes(data)
    return str(path)


def damaged_segment(machine: Machine) -> str:
    path = machine.segments()[0]
    data = bytearray(path.read_bytes())
    data[3] ^= 0xFF
    path.write_bytes(data)
    return str(path)


def damaged_description(machine: Machine) -> str:
    path = machine.segments()[0].parent / "spool.json"
    path.write_bytes(b"{")
    return str(path.parent)


def newer_description(machine: Machine) -> str:
    path = machine.segments()[0].parent / "spool.json"
    fields: dict[str, Any] = json.loads(path.read_bytes())
    path.write_text(json.dumps(fields | {"version": 2, "more": 1}))
    return str(path.parent)


@pytest.mark.parametrize(
    ("damage", "words", "exit_code"),
    [
        (newer_segment, "a newer Runebook wrote: upgrade", 4),
        (foreign_segment, "another byte order", 4),
        (damaged_segment, "its head is damaged", 4),
        (damaged_description, "its spool.json cannot be read", 4),
        (newer_description, "a newer Runebook wrote: upgrade", 7),
    ],
)
def test_a_spool_that_cannot_be_read_stays_and_is_told_of_and_the_others_are_shipped(
    local: Machine, tmp_path: Path, damage: Any, words: str, exit_code: int
) -> None:
    local.train(A, 100)
    named = damage(local)
    local.train(B, 100)

    done = local.sync()

    assert done.exit_code == exit_code
    assert named in done.lines[0]
    assert words in done.lines[0]
    assert "1 failed" in done.lines[-1]
    assert len(local.segments()) == 1
    check(tmp_path, B, 100)


def test_a_spool_of_another_user_is_told_of(tmp_path: Path) -> None:
    """In a place that others may enter, which pytest's folders are not."""
    with tempfile.TemporaryDirectory() as name:
        machine = Machine(Path(name), f"sqlite:///{tmp_path}/runebook.db")
        machine.train(A, 10)
        machine.folder.chmod(0o755)
        machine.spools.chmod(0o755)
        (spool,) = machine.spools.iterdir()
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY],
            cwd=name,
            env=machine.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr) == (5, "")
    assert done.stdout.startswith(f"{spool}: The spool in {spool} belongs to another user")


AS_NOBODY = """
import os
from runebook.cli.main import main
from runebook.cli import sync  # while this user may still read the code
from runebook.client import opening
from runebook.client.spool import syncing
import sys
if os.getuid() == 0:
    os.setuid(65534)
else:
    os.chmod(next(os.scandir(os.environ["RUNEBOOK_SPOOL_DIR"])), 0)
sys.argv = ["runebook", "sync", "--dry-run"]
main()
"""


def test_what_the_store_refuses_is_kept_and_told_of(local: Machine, tmp_path: Path) -> None:
    local.train(A, 100)
    local.sync()
    local.train(A, 200)  # the param `points` is there with another value

    done = local.sync()

    assert done.exit_code == 4
    assert "1 refused, which" in done.lines[0]
    kept = next(local.spools.glob("*/refused.jsonl"))
    assert str(kept) in done.lines[0]
    assert "Changing param values is not allowed" in kept.read_text()


def test_a_place_without_spools_is_an_error(local: Machine) -> None:
    done = local.sync("nowhere")

    assert (done.exit_code, done.stderr) == (3, "Error: There is no folder nowhere.\n")
