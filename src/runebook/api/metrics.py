"""Operations on metrics."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.api.operation import Family, Nothing, Operation
from runebook.api.permissions import edit, read
from runebook.api.runs import RUN_ALIAS
from runebook.core.ids import RunId
from runebook.core.limits import DEFAULT_INTERVAL_POINTS, MAX_HISTORY_PAGE
from runebook.core.metrics import Metric
from runebook.core.records import Int64, Record, TimeMs


class LogMetric(Operation, verb="POST", path="runs/log-metric", needs=edit("run_id"), aliases=RUN_ALIAS):
    """Log one point of one metric. A point equal in step, time and value to one that is there adds nothing."""

    run_id: RunId
    key: str
    value: float
    timestamp: TimeMs
    step: Int64 = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None

    Reply = Nothing


class GetMetricHistory(Operation, verb="GET", path="metrics/get-history", needs=read("run_id"), aliases=RUN_ALIAS):
    """Every point of one metric of a run, by time, then step, then value; in pages when `max_results` is given."""

    run_id: RunId
    metric_key: str
    max_results: Int64 | None = None
    page_token: str | None = None

    class Reply(Record):
        metrics: Sequence[Metric] = []
        next_page_token: str | None = None


class GetMetricHistoryBulk(
    Operation,
    verb="GET",
    path="metrics/get-history-bulk",
    needs=read("run_id"),
    family=Family.AJAX_2,
):
    """The points of one metric of up to 100 runs, run by run."""

    run_id: list[RunId]
    metric_key: str
    max_results: Int64 = MAX_HISTORY_PAGE

    class Reply(Record):
        metrics: list[Metric]


class GetMetricHistoryBulkInterval(
    Operation,
    verb="GET",
    path="metrics/get-history-bulk-interval",
    needs=read("run_ids"),
):
    """The points of one metric at evenly chosen steps of up to 100 runs, the last step of each always among them."""

    run_ids: list[RunId]
    metric_key: str
    start_step: Int64 | None = None
    end_step: Int64 | None = None
    max_results: Int64 = DEFAULT_INTERVAL_POINTS

    class Reply(Record):
        metrics: list[Metric] = []
