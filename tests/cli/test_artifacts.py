from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.calls import Call


@pytest.fixture
def run_id(ok: Call) -> str:
    return ok("runs", "create", "--experiment-id", "0").lines[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "plots"
    (made / "deep").mkdir(parents=True)
    (made / "a.txt").write_text("first")
    (made / "deep" / "b.txt").write_text("second")
    return made


def test_files_go_into_a_run_and_come_out_again(ok: Call, run_id: str, folder: Path, tmp_path: Path) -> None:
    ok("artifacts", "log-artifact", "-r", run_id, "-l", str(folder / "a.txt"))
    ok("artifacts", "log-artifacts", "-r", run_id, "-l", str(folder), "-a", "all")

    assert ok("artifacts", "list", "-r", run_id).cells == [["path", "size"], ["a.txt", "5"], ["all", "folder"]]
    assert ok("artifacts", "list", "-r", run_id, "-a", "all/deep", "--json").json == [
        {"path": "all/deep/b.txt", "is_dir": False, "file_size": 6}
    ]
    place = ok("artifacts", "download", "-r", run_id, "-a", "all", "-d", str(tmp_path / "copy")).lines[0]
    assert (Path(place) / "deep" / "b.txt").read_text() == "second"


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "all/../../outside"])
def test_a_path_out_of_the_run_is_refused(call: Call, run_id: str, folder: Path, path: str) -> None:
    assert call("artifacts", "list", "-r", run_id, "-a", path).exit_code == 2
    assert call("artifacts", "download", "-r", run_id, "-a", path).exit_code == 2
    assert call("artifacts", "log-artifact", "-r", run_id, "-l", str(folder / "a.txt"), "-a", path).exit_code == 2


def test_a_file_that_is_not_there_is_not_found(call: Call, run_id: str) -> None:
    assert call("artifacts", "download", "-r", run_id, "-a", "nothing.txt").exit_code == 3
