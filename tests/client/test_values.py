from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import runebook as rb
from runebook.core.errors import InvalidParameterValue
from runebook.entities import Metric, Param, RunTag


class Tensor:
    """Like a tensor of one value on another device: only `item()` reads it."""

    def item(self) -> float:
        return 2.5

    def __float__(self) -> float:
        raise TypeError


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (3, 3.0),
        (True, 1.0),
        (Decimal("0.25"), 0.25),
        (Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7.0),
        (np.bool_(1), 1.0),
        (np.array(1.5), 1.5),
        (np.array([1.5]), 1.5),
        (Tensor(), 2.5),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
    ],
)
def test_anything_that_is_one_number_is_a_metric(value: Any, stored: float) -> None:
    with rb.start_run() as run:
        rb.log_metric("m", value)

    assert rb.get_run(run.info.run_id).data.metrics == {"m": stored}


def test_nan_is_a_metric() -> None:
    with rb.start_run() as run:
        rb.log_metric("m", math.nan)

    assert math.isnan(rb.get_run(run.info.run_id).data.metrics["m"])


@pytest.mark.parametrize("value", ["0.5", b"1", None, 1j, [1.0], np.array([1.0, 2.0]), object(), 10**400])
def test_anything_else_is_refused_and_the_message_names_the_key(value: Any) -> None:
    with rb.start_run(), pytest.raises(rb.RunebookError, match="metric 'loss/train' must be a number"):
        rb.log_metric("loss/train", value)


def test_one_bad_value_among_many_metrics_writes_none() -> None:
    with rb.start_run() as run, pytest.raises(rb.RunebookError, match="'b'"):
        rb.log_metrics({"a": 1, "b": "x"})  # type: ignore[dict-item]

    assert rb.get_run(run.info.run_id).data.metrics == {}


@pytest.mark.parametrize("step", [np.int32(4), 4.0, np.array(4)])
def test_a_step_may_be_any_whole_number(step: Any) -> None:
    with rb.start_run() as run:
        rb.log_metric("m", 1, step=step)

    assert rb.Client().get_metric_history(run.info.run_id, "m")[0].step == 4


@pytest.mark.parametrize("step", [1.5, "3", math.nan])
def test_a_step_that_is_no_whole_number_is_refused(step: Any) -> None:
    with rb.start_run(), pytest.raises(rb.RunebookError, match="'step' must be a whole number"):
        rb.log_metric("m", 1, step=step)


@pytest.mark.parametrize("key", [3, None, b"k"])
def test_a_key_that_is_no_text_is_refused(key: Any) -> None:
    with rb.start_run():
        for log in (rb.log_metric, rb.log_param, rb.set_tag):
            with pytest.raises(rb.RunebookError, match="A key must be a text"):
                log(key, 1)


def test_a_param_is_written_once_and_says_so_at_the_call() -> None:
    with rb.start_run() as run:
        assert rb.log_param("lr", 0.1) == 0.1
        rb.log_param("lr", 0.1)
        with pytest.raises(rb.RunebookError) as raised:
            rb.log_param("lr", 0.2)
        with pytest.raises(rb.RunebookError):
            rb.log_params({"fresh": 1, "lr": 0.2})

    assert all(part in str(raised.value) for part in (run.info.run_id, "'lr'", "'0.1'", "'0.2'"))
    assert rb.get_run(run.info.run_id).data.params == {"lr": "0.1"}


def test_params_and_tags_are_texts_of_what_was_given() -> None:
    with rb.start_run() as run:
        rb.log_params({"none": None, "list": [1, "a"], "float": 1e-5})
        rb.set_tags({"number": 3})

    stored = rb.get_run(run.info.run_id).data
    assert stored.params == {"none": "None", "list": "[1, 'a']", "float": "1e-05"}
    assert stored.tags["number"] == "3"


def test_many_go_in_batches_and_all_arrive() -> None:
    with rb.start_run() as run:
        rb.Client().log_batch(
            run.info.run_id,
            metrics=[Metric("m", step, 1000, step) for step in range(2500)],
            params=[Param(f"p{number}", str(number)) for number in range(250)],
            tags=[RunTag(f"t{number}", str(number)) for number in range(150)],
        )

    stored = rb.get_run(run.info.run_id).data
    assert stored.params == {f"p{number}": str(number) for number in range(250)}
    assert {f"t{number}" for number in range(150)} <= set(stored.tags)
    history = rb.Client().get_metric_history(run.info.run_id, "m")
    assert [(point.step, point.value) for point in history] == [(step, float(step)) for step in range(2500)]


def test_immutable_tags_are_refused() -> None:
    with rb.start_run():
        with pytest.raises(rb.RunebookError, match="fixed when its run is made"):
            rb.set_tag("mlflow.user", "x")
        with pytest.raises(rb.RunebookError, match="fixed when its run is made"):
            rb.set_tags({"mlflow.user": "x"})


def test_logging_without_waiting_tells_of_errors_later() -> None:
    with rb.start_run() as run:
        fine = rb.log_metric("m", 1, synchronous=False)
        rb.log_param("p", 1)
        refused = rb.log_params({"p": 2}, synchronous=False)
        rb.flush_async_logging()

    assert isinstance(fine, rb.RunOperations)
    fine.wait()
    assert isinstance(refused, rb.RunOperations)
    with pytest.raises(rb.RunebookError, match="Changing param values"):
        refused.wait()
    assert rb.get_run(run.info.run_id).data.metrics == {"m": 1.0}


def test_logging_may_be_asynchronous_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "true")

    with rb.start_run():
        assert isinstance(rb.log_metric("m", 1), rb.RunOperations)


def test_logging_without_a_run_starts_one() -> None:
    rb.log_metric("m", 1)

    run = rb.active_run()
    assert run is not None
    assert rb.get_run(run.info.run_id).data.metrics == {"m": 1.0}


def test_logging_to_a_run_by_id_makes_it_not_active() -> None:
    with rb.start_run() as run:
        pass
    rb.log_metrics({"a": 1, "b": 2}, step=5, timestamp=1234, run_id=run.info.run_id)
    rb.log_params({"p": 1}, run_id=run.info.run_id)

    assert rb.active_run() is None
    point = rb.Client().get_metric_history(run.info.run_id, "b")[0]
    assert (point.value, point.step, point.timestamp) == (2.0, 5, 1234)


@pytest.mark.parametrize("log", [rb.log_params, rb.log_metrics, rb.set_tags])
def test_what_is_no_dict_is_refused_with_a_way_out(log: Any) -> None:
    class Arguments:
        pass

    with rb.start_run(), pytest.raises(InvalidParameterValue, match=r"must be a dict, got a Arguments\. Give vars\("):
        log(Arguments())


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: rb.get_run(5), "run_id"),  # type: ignore[arg-type]
        (lambda: rb.start_run(run_name=5), "run_name"),  # type: ignore[arg-type]
        (lambda: rb.create_experiment(["e"]), "name"),  # type: ignore[arg-type]
        (lambda: rb.set_experiment(5), "experiment_name"),  # type: ignore[arg-type]
        (lambda: rb.search_runs(filter_string=b"x", output_format="list"), "filter"),  # type: ignore[arg-type]
        (lambda: rb.log_metric("m", 1, run_id=7.5), "run_id"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_text_is_refused_by_its_name(call: Any, name: str) -> None:
    with pytest.raises(InvalidParameterValue, match=name):
        call()


def test_a_missing_id_is_said_to_be_missing() -> None:
    with pytest.raises(InvalidParameterValue, match="Missing value for required parameter 'run_id'"):
        rb.get_run(None)  # type: ignore[arg-type]
