"""Operations on runs as a whole."""

from __future__ import annotations

from runebook.api.operation import IdempotencyKey, Nothing, Operation
from runebook.api.permissions import edit, manage, read
from runebook.core.experiments import ViewType
from runebook.core.ids import ExperimentId, RunId
from runebook.core.limits import DEFAULT_SEARCH_RUNS
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.records import Int64, Record, TimeMs
from runebook.core.runs import Run, RunInfo, RunStatus
from runebook.core.tags import Tag

RUN_ALIAS = {"run_uuid": "run_id"}


class CreateRun(Operation, verb="POST", path="runs/create", needs=edit("experiment_id")):
    """Start a run in an experiment; a run without a name gets one."""

    experiment_id: ExperimentId
    user_id: str = ""
    run_name: str | None = None
    start_time: TimeMs | None = None
    tags: list[Tag] = []
    run_id: RunId | None = None
    """Runebook's own: the id that the client chose, 32 hex digits; the server makes one otherwise."""
    idempotency_key: IdempotencyKey = None

    class Reply(Record):
        run: Run


class UpdateRun(Operation, verb="POST", path="runs/update", needs=edit("run_id"), aliases=RUN_ALIAS):
    """Change a run's status, end time or name."""

    run_id: RunId
    status: RunStatus | None = None
    end_time: TimeMs | None = None
    run_name: str | None = None

    class Reply(Record):
        run_info: RunInfo


class DeleteRun(Operation, verb="POST", path="runs/delete", needs=manage("run_id")):
    """Move a run to the trash."""

    run_id: RunId

    Reply = Nothing


class RestoreRun(Operation, verb="POST", path="runs/restore", needs=manage("run_id")):
    """Bring a run back from the trash."""

    run_id: RunId

    Reply = Nothing


class GetRun(Operation, verb="GET", path="runs/get", needs=read("run_id"), aliases=RUN_ALIAS):
    """A run with all that it logged (of each metric the last point), deleted ones included."""

    run_id: RunId

    class Reply(Record):
        run: Run


class SearchRuns(Operation, verb="POST", path="runs/search", needs=read("experiment_ids"), writes=False):
    """Runs of some experiments that match a filter, a page at a time; by default the latest first."""

    experiment_ids: list[ExperimentId] = []
    filter: str | None = None
    run_view_type: ViewType = ViewType.ACTIVE_ONLY
    max_results: Int64 = DEFAULT_SEARCH_RUNS
    order_by: list[str] = []
    page_token: str | None = None

    class Reply(Record):
        runs: list[Run] = []
        next_page_token: str | None = None


class LogBatch(Operation, verb="POST", path="runs/log-batch", needs=edit("run_id")):
    """Log many metrics, params and tags of one run: all of them, or none."""

    run_id: RunId
    metrics: list[Metric] = []
    params: list[Param] = []
    tags: list[Tag] = []

    Reply = Nothing
