from __future__ import annotations

import math

import pandas as pd
import pytest
from tests.client.conftest import Script

import runebook as rb


def test_a_frame_has_mlflows_columns() -> None:
    with rb.start_run(run_name="a"):
        rb.log_metric("m", 1)
        rb.log_param("p", 1)
    with rb.start_run(run_name="b"):
        rb.log_metric("n", 2)

    frame = rb.search_runs(order_by=["start_time ASC"])
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns[:6]) == [
        "run_id",
        "experiment_id",
        "status",
        "artifact_uri",
        "start_time",
        "end_time",
    ]
    assert isinstance(frame["start_time"].dtype, pd.DatetimeTZDtype)
    assert list(frame["tags.mlflow.runName"]) == ["a", "b"]
    assert frame["metrics.m"][0] == 1.0
    assert math.isnan(frame["metrics.m"][1])
    assert list(frame["params.p"]) == ["1", None]


def test_a_frame_without_runs_has_its_columns_all_the_same() -> None:
    frame = rb.search_runs()

    assert isinstance(frame, pd.DataFrame)
    assert (len(frame), "run_id" in frame.columns) == (0, True)


def test_without_pandas_the_error_names_the_extra_and_the_other_way(script: Script) -> None:
    done = script(
        """
        import sys
        sys.modules["pandas"] = None
        import runebook as rb
        with rb.start_run(): pass
        assert len(rb.search_runs(output_format="list")) == 1
        try:
            rb.search_runs()
        except rb.MlflowException as error:
            print(error.error_code, error)
        """
    )

    assert done.stdout.startswith("MISSING_EXTRA")
    assert "pip install 'runebook[pandas]'" in done.stdout
    assert 'output_format="list"' in done.stdout


def test_the_experiments_to_search_are_named_in_several_ways() -> None:
    ids = {}
    for name in ("one", "two", "three"):
        ids[name] = rb.set_experiment(name).experiment_id
        with rb.start_run(run_name=name):
            pass

    def found(**where: object) -> set[str]:
        return {run.info.run_name for run in rb.search_runs(output_format="list", **where)}  # type: ignore[arg-type, misc]

    assert found() == {"three"}
    assert found(experiment_ids=[ids["one"], ids["two"]]) == {"one", "two"}
    assert found(experiment_ids=ids["one"]) == {"one"}
    assert found(experiment_names=["two", "not there"]) == {"two"}
    assert found(search_all_experiments=True) == {"one", "two", "three"}
    with pytest.raises(rb.RunebookError, match="either 'experiment_ids' or 'experiment_names'"):
        found(experiment_ids=[ids["one"]], experiment_names=["two"])


def test_no_more_runs_come_than_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        with rb.start_run():
            pass
    monkeypatch.setattr("runebook.client.fluent.search_runs.PAGE", 2)

    assert [len(rb.search_runs(max_results=count)) for count in (1, 3, 5, 9)] == [1, 3, 5, 5]


def test_an_output_format_that_is_none_is_refused() -> None:
    with pytest.raises(rb.RunebookError, match="Unsupported output format: 'csv'"):
        rb.search_runs(output_format="csv")  # type: ignore[arg-type]


def test_an_order_given_as_one_text_is_one_key() -> None:
    for number in (2, 1, 3):
        with rb.start_run(run_name=str(number)):
            rb.log_metric("m", number)

    found = rb.search_runs(order_by="metrics.m ASC", output_format="list")  # type: ignore[arg-type]
    assert [run.info.run_name for run in found] == ["1", "2", "3"]


def test_the_type_of_the_answer_follows_the_format_that_was_asked_for() -> None:
    """What mypy says of these lines is the test."""
    with rb.start_run() as run:
        pass

    assert rb.search_runs()["run_id"].tolist() == [run.info.run_id]
    assert rb.search_runs(output_format="list")[0].info.run_id == run.info.run_id
