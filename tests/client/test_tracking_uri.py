from __future__ import annotations

import os
from pathlib import Path

import pytest

import runebook as rb
from runebook.client.uris import absolute, artifact_root


def test_the_default_is_a_file_in_the_working_directory(own_store: Path) -> None:
    (own_store / "mlflow.db").write_bytes(b"not ours")

    assert rb.get_tracking_uri() == f"sqlite:///{own_store}/runebook.db"
    assert not rb.is_tracking_uri_set()
    with rb.start_run() as run:
        rb.log_text("x", "x.txt")
    assert (own_store / "runebook.db").is_file()
    assert (own_store / "mlflow.db").read_bytes() == b"not ours"
    assert run.info.artifact_uri == f"{own_store}/runebook-artifacts/0/{run.info.run_id}/artifacts"
    assert (own_store / "runebook-artifacts" / "0" / run.info.run_id / "artifacts" / "x.txt").is_file()


def test_what_is_set_wins_over_the_environment(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert rb.get_tracking_uri() == "http://127.0.0.1:1"
    monkeypatch.setenv("RUNEBOOK_TRACKING_URI", "http://127.0.0.1:2/")
    assert rb.get_tracking_uri() == "http://127.0.0.1:2"
    rb.set_tracking_uri(own_store / "runs")
    assert rb.get_tracking_uri() == f"file://{own_store}/runs"
    assert os.environ["RUNEBOOK_TRACKING_URI"] == f"file://{own_store}/runs"


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("sqlite:///a.db", "sqlite:///{cwd}/a.db"),
        ("sqlite:////abs/a.db", "sqlite:////abs/a.db"),
        ("sqlite://", "memory:"),
        ("sqlite:///:memory:", "memory:"),
        ("memory:", "memory:"),
        ("runs", "file://{cwd}/runs"),
        ("./runs", "file://{cwd}/runs"),
        ("file:///abs/runs", "file:///abs/runs"),
        ("file:runs", "file://{cwd}/runs"),
        ("https://host/", "https://host"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+psycopg2://u:p@h/d"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks://profile"),
    ],
)
def test_an_address_names_the_same_store_from_everywhere(uri: str, named: str, own_store: Path) -> None:
    assert absolute(uri) == named.format(cwd=own_store)


def test_an_address_that_no_store_has_is_refused() -> None:
    with pytest.raises(rb.RunebookError, match="There is no store at 'redis://x'"):
        rb.set_tracking_uri("redis://x")


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("sqlite:////data/team.db", "/data/team-artifacts"),
        ("file:///data/my%20runs", "/data/my runs"),
        ("postgresql://h/d", "{cwd}/runebook-artifacts"),
        ("memory:", None),
    ],
)
def test_files_stand_beside_the_store(uri: str, root: str | None, own_store: Path) -> None:
    assert artifact_root(uri) == (root and root.format(cwd=own_store))


def test_a_store_is_found_again_after_a_change_of_directory(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rb.set_tracking_uri("sqlite:///here.db")
    with rb.start_run() as run:
        (own_store / "below").mkdir()
        monkeypatch.chdir(own_store / "below")
        rb.log_metric("m", 1)

    assert rb.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    assert not (own_store / "below" / "here.db").exists()


def test_the_choice_reaches_child_processes(own_store: Path) -> None:
    import subprocess
    import sys

    rb.set_tracking_uri("sqlite:///shared.db")
    rb.set_experiment("shared")
    subprocess.run([sys.executable, "-c", "import runebook as rb; rb.start_run(run_name='child')"], check=True)

    found = rb.search_runs(output_format="list")
    assert [run.info.run_name for run in found] == ["child"]


def test_the_environment_names_the_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment_id = rb.create_experiment("by id")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)
    with rb.start_run() as run:
        assert run.info.experiment_id == experiment_id
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "by name")
    with pytest.raises(rb.RunebookError, match="names two experiments"):
        rb.start_run()
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    with rb.start_run() as run:
        assert rb.get_experiment(run.info.experiment_id).name == "by name"


def test_a_chosen_experiment_is_found_by_name_in_another_store() -> None:
    rb.set_experiment("chosen")
    rb.set_tracking_uri("memory:")
    with rb.start_run() as run:
        pass

    assert rb.get_experiment(run.info.experiment_id).name == "chosen"


def test_an_experiment_is_chosen_by_name_or_by_id() -> None:
    for arguments in ({}, {"experiment_name": "a", "experiment_id": "1"}):
        with pytest.raises(rb.RunebookError, match="either 'experiment_name' or 'experiment_id'"):
            rb.set_experiment(**arguments)
