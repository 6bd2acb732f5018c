"""Use cases of runs as a whole."""

from __future__ import annotations

from runebook.api.operation import Nothing
from runebook.api.runs import CreateRun, DeleteRun, GetRun, LogBatch, RestoreRun, SearchRuns, UpdateRun
from runebook.core import checks
from runebook.core.errors import RunebookError
from runebook.core.experiments import LifecycleStage
from runebook.services.context import Context
from runebook.services.frames import log_one
from runebook.services.handlers import handles
from runebook.services.leases import FRAMES_WORTH_FOLDING_AT_END
from runebook.services.run_groups import create_all, update_all
from runebook.services.searches import check_search
from runebook.storage.base import SearchQuery, Transaction


@handles(CreateRun)
def create_run(tx: Transaction, request: CreateRun, context: Context) -> CreateRun.Reply:
    (reply,) = create_all(tx, [request], context)
    if isinstance(reply, RunebookError):
        raise reply
    return reply


@handles(UpdateRun)
def update_run(tx: Transaction, request: UpdateRun, context: Context) -> UpdateRun.Reply:
    (reply,) = update_all(tx, [request], context)
    if isinstance(reply, RunebookError):
        raise reply
    if reply.run_info.status.is_terminated:
        tx.metrics.fold(request.run_id, at_least=FRAMES_WORTH_FOLDING_AT_END)
    return reply


@handles(DeleteRun)
def delete_run(tx: Transaction, request: DeleteRun, context: Context) -> Nothing:
    checks.check_run_id(request.run_id)
    tx.runs.set_stage(request.run_id, LifecycleStage.DELETED, context.now_ms)
    return Nothing()


@handles(RestoreRun)
def restore_run(tx: Transaction, request: RestoreRun, context: Context) -> Nothing:
    checks.check_run_id(request.run_id)
    tx.runs.set_stage(request.run_id, LifecycleStage.ACTIVE, context.now_ms)
    return Nothing()


@handles(GetRun)
def get_run(tx: Transaction, request: GetRun, context: Context) -> GetRun.Reply:
    checks.check_run_id(request.run_id)
    return GetRun.Reply(run=tx.runs.get(request.run_id))


@handles(SearchRuns)
def search_runs(tx: Transaction, request: SearchRuns, context: Context) -> SearchRuns.Reply:
    check_search(request.max_results, request.filter, request.order_by)
    for experiment_id in request.experiment_ids:
        checks.check_experiment_id(experiment_id)
    query = SearchQuery(
        request.filter or "", request.order_by, request.run_view_type, request.max_results, request.page_token or None
    )
    page = tx.runs.search(request.experiment_ids, query)
    return SearchRuns.Reply(runs=page.items, next_page_token=page.next_token)


@handles(LogBatch)
def log_batch(tx: Transaction, request: LogBatch, context: Context) -> Nothing:
    return log_one(tx, request, context)
