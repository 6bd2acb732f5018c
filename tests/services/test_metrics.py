from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runebook.api.metrics import GetMetricHistoryBulk, GetMetricHistoryBulkInterval, LogMetric
from runebook.api.runs import CreateRun, LogBatch, UpdateRun
from runebook.core.errors import InvalidParameterValue
from runebook.core.ids import ExperimentId, RunId
from runebook.core.metrics import Metric
from runebook.core.runs import RunStatus
from runebook.services.dispatch import Services
from runebook.services.metrics import choose_steps


def run_with_curve(services: Services, points: int) -> RunId:
    run_id: RunId = services.call(CreateRun(experiment_id=ExperimentId("0"))).run.info.run_id
    metrics = [Metric(key="loss", value=1.0 / (step + 1), timestamp=step, step=step) for step in range(points)]
    services.call(LogBatch(run_id=run_id, metrics=metrics))
    return run_id


def test_a_hundred_steps_in_five_are_those_that_mlflow_chooses() -> None:
    assert choose_steps(range(100), 5) == [0, 20, 40, 60, 99]
    assert choose_steps(range(100), 1) == [99]


@given(st.lists(st.integers(), unique=True).map(sorted), st.integers(1, 50))
def test_chosen_steps_keep_both_ends_and_their_number(steps: list[int], count: int) -> None:
    chosen = choose_steps(steps, count)
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(steps)
    assert len(chosen) == min(count, len(steps))
    if steps:
        assert chosen[-1] == steps[-1]
    if steps and count > 1:
        assert chosen[0] == steps[0]


def test_an_interval_is_thinned_within_its_bounds(services: Services) -> None:
    run_id = run_with_curve(services, 100)
    request = GetMetricHistoryBulkInterval(
        run_ids=[run_id], metric_key="loss", start_step=10, end_step=30, max_results=3
    )
    metrics = services.call(request).metrics
    assert [metric.step for metric in metrics] == [10, 17, 30]
    assert {metric.run_id for metric in metrics} == {run_id}


def test_curves_of_many_runs_come_run_by_run_up_to_the_limit(services: Services) -> None:
    first, second = run_with_curve(services, 3), run_with_curve(services, 3)
    metrics = services.call(GetMetricHistoryBulk(run_id=[second, first], metric_key="loss", max_results=5)).metrics
    assert [(metric.run_id, metric.step) for metric in metrics] == [
        (second, 0), (second, 1), (second, 2), (first, 0), (first, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "request_",
    [
        GetMetricHistoryBulk(run_id=[], metric_key="loss"),
        GetMetricHistoryBulk(run_id=[RunId("a")] * 101, metric_key="loss"),
        GetMetricHistoryBulk(run_id=[RunId("a")], metric_key="loss", max_results=0),
        GetMetricHistoryBulkInterval(run_ids=[RunId("a")], metric_key="loss", max_results=2501),
        GetMetricHistoryBulkInterval(run_ids=[RunId("a")], metric_key="loss", start_step=1),
        GetMetricHistoryBulkInterval(run_ids=[RunId("a")], metric_key="loss", start_step=2, end_step=1),
    ],
)
def test_a_bulk_request_beyond_its_limits_is_refused(
    services: Services, request_: GetMetricHistoryBulk | GetMetricHistoryBulkInterval
) -> None:
    with pytest.raises(InvalidParameterValue):
        services.call(request_)


@pytest.mark.parametrize(("appends", "left"), [(63, 63), (64, 0)])
def test_a_run_with_many_frames_is_folded_when_it_ends(services: Services, appends: int, left: int) -> None:
    run_id = services.call(CreateRun(experiment_id=ExperimentId("0"))).run.info.run_id
    for step in range(appends):
        services.call(LogMetric(run_id=run_id, key="loss", value=0.5, timestamp=step, step=step))

    services.call(UpdateRun(run_id=run_id, status=RunStatus.FINISHED))

    with services.storage.write() as tx:
        assert tx.metrics.fold(run_id) == left
        assert len(tx.metrics.history(run_id, "loss").items) == appends
