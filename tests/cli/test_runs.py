from __future__ import annotations

import math

import pytest
from tests.cli.calls import Call

from runebook.client.client import Client
from runebook.client.entities import Metric, Param


@pytest.fixture
def run_id(ok: Call, store: str) -> str:
    """A run that logged two params and four points of two metrics."""
    made = ok("runs", "create", "--experiment-name", "Default", "--run-name", "one").lines[0]
    points = [("loss", 0.5, 0), ("loss", math.nan, 1), ("loss", 0.25, 2), ("accuracy", 0.9, 2)]
    metrics = [Metric(key, value, 1000 + step, step) for key, value, step in points]
    Client(store).log_batch(made, metrics, [Param("depth", "4"), Param("rate", "1e-3")])
    return made


def test_create_makes_a_finished_run_with_what_was_given(ok: Call) -> None:
    parent = ok("runs", "create", "--experiment-id", "0").lines[0]

    made = ok(
        *("runs", "create", "--experiment-id", "0", "--run-name", "child", "--description", "*why*"),
        *("--tags", "a=1", "--parent-run-id", parent, "--json"),
    ).json

    assert (made["info"]["run_name"], made["info"]["status"]) == ("child", "FINISHED")
    assert made["info"]["end_time"] >= made["info"]["start_time"]
    expected = {"a": "1", "mlflow.note.content": "*why*", "mlflow.parentRunId": parent}
    assert expected.items() <= made["data"]["tags"].items()


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "FAILED", "KILLED"])
def test_create_sets_the_status(ok: Call, status: str) -> None:
    made = ok("runs", "create", "--experiment-id", "0", "--status", status.lower(), "--json").json

    assert made["info"]["status"] == status
    assert (made["info"]["end_time"] is None) == (status in {"RUNNING", "SCHEDULED"})


def test_create_with_a_parent_that_is_not_there_makes_nothing(call: Call) -> None:
    assert call("runs", "create", "--experiment-id", "0", "--parent-run-id", "f" * 32).exit_code == 3
    assert len(call("runs", "list", "--experiment-id", "0").lines) == 1


@pytest.mark.parametrize("variable", ["RUNEBOOK_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_NAME"])
def test_the_environment_names_the_experiment_where_no_option_does(
    ok: Call, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    made = ok("experiments", "create", "-n", "from outside").lines[0]
    monkeypatch.setenv(variable, "from outside")

    assert ok("runs", "create", "--json").json["info"]["experiment_id"] == made
    assert ok("runs", "create", "--experiment-id", "0", "--json").json["info"]["experiment_id"] == "0"


def test_a_run_needs_an_experiment(call: Call) -> None:
    done = call("runs", "create")

    assert done.exit_code == 2
    assert "--experiment-id" in done.stderr


def test_describe_shows_all_that_was_logged(ok: Call, run_id: str) -> None:
    fields = dict(line.split(maxsplit=1) for line in ok("runs", "describe", run_id).lines if " " in line)

    assert fields["run_id"] == run_id
    assert fields["params.depth"] == "4"
    assert fields["metrics.loss"] == "0.25"
    assert fields["start_time"].endswith("Z")


def test_describe_as_json_has_the_shape_of_mlflows(ok: Call, run_id: str) -> None:
    shown = ok("runs", "describe", "--run-id", run_id, "--json").json

    assert shown["data"]["metrics"] == {"loss": 0.25, "accuracy": 0.9}
    assert shown["data"]["params"] == {"depth": "4", "rate": "1e-3"}
    assert shown == ok("runs", "get", run_id, "--json").json


def test_a_run_is_named_once(call: Call, run_id: str) -> None:
    assert call("runs", "describe", run_id, "--run-id", run_id).exit_code == 2
    assert call("runs", "describe").exit_code == 2


def test_metrics_are_printed_as_step_time_and_value(ok: Call, run_id: str) -> None:
    assert ok("runs", "metrics", run_id, "loss").cells == [
        ["0", "1000", "0.5"],
        ["1", "1001", "nan"],
        ["2", "1002", "0.25"],
    ]
    assert ok("runs", "metrics", run_id, "loss", "--json").json[1]["value"] == "NaN"
    assert ok("runs", "metrics", run_id, "nothing").stdout == ""


def test_search_looks_in_all_experiments_and_shows_what_is_asked_for(ok: Call, run_id: str) -> None:
    ok("experiments", "create", "-n", "other")
    other = ok("runs", "create", "--experiment-name", "other", "--run-name", "two").lines[0]
    columns = ["--columns", "run_id,metrics.loss, params.depth"]

    assert ok("runs", "search", "--order-by", "run_name ASC", *columns).cells == [
        ["run_id", "metrics.loss", "params.depth"],
        [run_id, "0.25", "4"],
        [other, "", ""],
    ]
    assert [row[0] for row in ok("runs", "search", "-n", "other", *columns).cells[1:]] == [other]
    assert [row[0] for row in ok("runs", "search", "--filter", "params.depth > 3", *columns).cells[1:]] == [run_id]


def test_search_with_json_gives_whole_runs(ok: Call, run_id: str) -> None:
    found = ok("runs", "search", "-x", "0", "--max-results", "1", "--json").json

    assert found == [ok("runs", "describe", run_id, "--json").json]


def test_a_deleted_run_is_in_the_trash_until_it_is_restored(ok: Call, run_id: str) -> None:
    assert ok("runs", "delete", "--run-id", run_id, "--json").json == {"run_id": run_id}
    assert len(ok("runs", "list", "--experiment-id", "0").lines) == 1
    assert [row[0] for row in ok("runs", "list", "--experiment-id", "0", "-v", "deleted_only").cells[1:]] == [run_id]

    ok("runs", "restore", run_id)
    assert [row[0] for row in ok("runs", "list", "--experiment-id", "0").cells[1:]] == [run_id]
