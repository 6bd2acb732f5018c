"""Use cases of metrics."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.api.metrics import GetMetricHistory, GetMetricHistoryBulk, GetMetricHistoryBulkInterval, LogMetric
from runebook.api.operation import Nothing
from runebook.core import checks, limits
from runebook.core.errors import InvalidParameterValue
from runebook.core.histories import History
from runebook.core.metrics import Metric
from runebook.services.context import Context
from runebook.services.frames import log_one
from runebook.services.handlers import handles
from runebook.storage.base import Transaction


@handles(LogMetric)
def log_metric(tx: Transaction, request: LogMetric, context: Context) -> Nothing:
    return log_one(tx, request, context)


@handles(GetMetricHistory)
def get_metric_history(tx: Transaction, request: GetMetricHistory, context: Context) -> GetMetricHistory.Reply:
    checks.check_run_id(request.run_id)
    _check_metric_key(request.metric_key)
    if request.max_results is not None:
        checks.check_count(request.max_results, "max_results", at_most=limits.MAX_INT64)
    page = tx.metrics.history(
        request.run_id, request.metric_key, max_results=request.max_results, page_token=request.page_token or None
    )
    return GetMetricHistory.Reply(metrics=_plain(page.items), next_page_token=page.next_token)


@handles(GetMetricHistoryBulk)
def get_metric_history_bulk(
    tx: Transaction, request: GetMetricHistoryBulk, context: Context
) -> GetMetricHistoryBulk.Reply:
    _check_run_ids(request.run_id, "run_id")
    _check_metric_key(request.metric_key)
    checks.check_count(request.max_results, "max_results", at_most=limits.MAX_HISTORY_PAGE)
    metrics: list[Metric] = []
    for run_id in request.run_id:
        left = request.max_results - len(metrics)
        if left > 0:
            page = tx.metrics.history(run_id, request.metric_key, max_results=left)
            metrics.extend(_of_run(metric, run_id) for metric in page.items)
    return GetMetricHistoryBulk.Reply(metrics=metrics)


@handles(GetMetricHistoryBulkInterval)
def get_metric_history_bulk_interval(
    tx: Transaction, request: GetMetricHistoryBulkInterval, context: Context
) -> GetMetricHistoryBulkInterval.Reply:
    _check_run_ids(request.run_ids, "run_ids")
    _check_metric_key(request.metric_key)
    checks.check_count(request.max_results, "max_results", at_most=limits.MAX_INTERVAL_POINTS)
    start, end = request.start_step, request.end_step
    if (start is None) != (end is None):
        raise InvalidParameterValue("If either start step or end step are specified, both must be specified.")
    if start is not None and end is not None and start > end:
        raise InvalidParameterValue(
            f"end_step must be greater than start_step. Found start_step={start} and end_step={end}."
        )
    metrics: list[Metric] = []
    for run_id in request.run_ids:
        steps = choose_steps(tx.metrics.steps(run_id, request.metric_key, start, end), request.max_results)
        metrics.extend(
            Metric(key=request.metric_key, value=point.value, timestamp=point.time, step=point.step, run_id=run_id)
            for point in tx.metrics.points_at(run_id, request.metric_key, steps)
        )
    return GetMetricHistoryBulkInterval.Reply(metrics=metrics)


def choose_steps(steps: Sequence[int], count: int) -> list[int]:
    """Up to `count` of the steps, evenly by rank, the last always among them.

    They are cut into `count` runs of equal length (the first ones longer by one where it does not divide); the
    first step of each run is taken, and of the last run its last step, as MLflow does with SQL's NTILE.
    """
    if len(steps) <= count:
        return list(steps)
    length, longer = divmod(len(steps), count)
    chosen = [steps[number * length + min(number, longer)] for number in range(count)]
    chosen[-1] = steps[-1]
    return chosen


def _check_run_ids(run_ids: Sequence[str], path: str) -> None:
    if not run_ids:
        raise checks.missing(path)
    if len(run_ids) > limits.MAX_BULK_RUNS:
        raise InvalidParameterValue(
            f"GetMetricHistoryBulk request cannot specify more than {limits.MAX_BULK_RUNS} run_ids. "
            f"Received {len(run_ids)} run_ids."
        )
    for number, run_id in enumerate(run_ids):
        checks.check_run_id(run_id, f"{path}[{number}]")


def _check_metric_key(metric_key: str) -> None:
    """A key that no metric can have is an error; one that none has is not."""
    checks.check_text(metric_key, "metric_key", max_length=limits.MAX_KEY_LENGTH)


def _plain(metrics: Sequence[Metric]) -> Sequence[Metric]:
    """The points without their datasets, which only some stores keep with runs: replies are alike on all of them."""
    if isinstance(metrics, History) and metrics:
        return metrics
    return [
        Metric(key=metric.key, value=metric.value, timestamp=metric.timestamp, step=metric.step) for metric in metrics
    ]


def _of_run(metric: Metric, run_id: str) -> Metric:
    return Metric(key=metric.key, value=metric.value, timestamp=metric.timestamp, step=metric.step, run_id=run_id)
