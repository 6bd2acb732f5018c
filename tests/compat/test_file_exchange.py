"""One `mlruns` folder for both: what MLflow wrote, Runebook reads, and the reverse, to the byte."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .environments import MLFLOW_2, MLFLOW_3, Environment, ensure
from .exchange import runebook_side

_SCRIPT = Path(__file__).parent / "exchange" / "mlflow_side.py"

both_releases = pytest.mark.parametrize("release", [MLFLOW_3, MLFLOW_2], ids=lambda each: each.name)


def mlflow(release: Environment, action: str, folder: Path) -> dict[str, Any]:
    """Have a real MLflow do something with a store; what it reads there afterwards."""
    command = [ensure(release), "-W", "ignore", _SCRIPT, action, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def written_by_mlflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    """A store by each release, and what that release reads in it."""
    stores = {}
    for release in (MLFLOW_3, MLFLOW_2):
        folder = tmp_path_factory.mktemp(release.name) / "mlruns"
        stores[release.name] = (folder, mlflow(release, "write", folder))
    return stores


@both_releases
def test_runebook_reads_what_mlflow_wrote(release: Environment, written_by_mlflow: dict[str, Any]) -> None:
    folder, expected = written_by_mlflow[release.name]

    assert runebook_side.read(folder) == expected


@both_releases
def test_mlflow_reads_what_runebook_wrote(
    release: Environment, written_by_mlflow: dict[str, Any], tmp_path: Path
) -> None:
    source, _ = written_by_mlflow[release.name]
    runebook_side.write_anew(source, tmp_path / "mlruns")

    assert mlflow(release, "read", tmp_path / "mlruns") == runebook_side.read(tmp_path / "mlruns")


def test_mlflow_2_reads_what_runebook_wrote_of_mlflow_3_but_for_what_it_does_not_know(
    written_by_mlflow: dict[str, Any], tmp_path: Path
) -> None:
    source, _ = written_by_mlflow[MLFLOW_3.name]
    runebook_side.write_anew(source, tmp_path / "mlruns", for_mlflow_2=True)

    assert mlflow(MLFLOW_2, "read", tmp_path / "mlruns") == without_models(runebook_side.read(tmp_path / "mlruns"))


def test_runebook_writes_the_bytes_that_mlflow_writes(written_by_mlflow: dict[str, Any], tmp_path: Path) -> None:
    source, _ = written_by_mlflow[MLFLOW_3.name]
    runebook_side.write_anew(source, tmp_path / "mlruns")

    expected, found = tree(source), tree(tmp_path / "mlruns")
    assert sorted(found) == sorted(expected)
    assert {path: data for path, data in found.items() if data != expected[path]} == {}


@both_releases
def test_a_store_is_written_in_turns(release: Environment, written_by_mlflow: dict[str, Any], tmp_path: Path) -> None:
    source, _ = written_by_mlflow[release.name]
    runebook_side.write_anew(source, tmp_path / "mlruns")

    expected = mlflow(release, "extend", tmp_path / "mlruns")
    assert runebook_side.read(tmp_path / "mlruns") == expected
    assert any("extended" in run["params"] for each in expected.values() for run in each["runs"].values())


def tree(root: Path) -> dict[str, bytes | None]:
    """Every file with its bytes and every folder with None, but for what only Runebook knows."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
        if ".runebook" not in str(path.relative_to(root))
    }


def without_models(facts: dict[str, Any]) -> dict[str, Any]:
    for experiment in facts.values():
        experiment["models"] = {}
        for run in experiment["runs"].values():
            run["models in"], run["models out"] = [], []
    return facts
