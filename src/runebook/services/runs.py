"""Use cases of runs as a whole."""

from __future__ import annotations

from runebook.api.operation import Nothing
from runebook.api.runs import CreateRun, DeleteRun, GetRun, LogBatch, RestoreRun, SearchRuns, UpdateRun
from runebook.core import checks
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import new_run_id
from runebook.core.tags import RUN_NAME, Tag
from runebook.services.context import Context
from runebook.services.frames import log_one
from runebook.services.handlers import handles
from runebook.services.leases import FRAMES_WORTH_FOLDING_AT_END, forget_lease_expiry
from runebook.services.run_rules import (
    check_active,
    check_chosen_run_id,
    check_experiment_active,
    check_new_run,
    chosen_run_name,
    new_run,
    renamed_to,
)
from runebook.services.searches import check_search
from runebook.storage.base import SearchQuery, Transaction


@handles(CreateRun)
def create_run(tx: Transaction, request: CreateRun, context: Context) -> CreateRun.Reply:
    checks.check_experiment_id(request.experiment_id)
    experiment = tx.experiments.get(request.experiment_id)
    check_experiment_active(experiment)
    check_new_run(request.user_id, request.start_time, request.tags)
    name = chosen_run_name(request.run_name, request.tags)
    if request.run_id is not None:
        check_chosen_run_id(request.run_id)
    run_id = request.run_id or new_run_id()
    start_time = context.now_ms if request.start_time is None else request.start_time
    tx.runs.create([new_run(experiment, run_id, name, request.user_id, start_time, request.tags)])
    return CreateRun.Reply(run=tx.runs.get(run_id))


@handles(UpdateRun)
def update_run(tx: Transaction, request: UpdateRun, context: Context) -> UpdateRun.Reply:
    checks.check_run_id(request.run_id)
    info = tx.runs.locked([request.run_id]).get(request.run_id) or tx.runs.get_info(request.run_id)
    check_active(info)
    if request.end_time is not None:
        checks.check_int64(request.end_time, "end_time", at_least=0)
    tx.runs.update(request.run_id, status=request.status, end_time=request.end_time)
    if request.status is not None:
        forget_lease_expiry(tx, info)
    if request.status is not None and request.status.is_terminated:
        tx.leases.clear([request.run_id])
        tx.metrics.fold(request.run_id, at_least=FRAMES_WORTH_FOLDING_AT_END)
    if request.run_name:
        tags = [Tag(key=RUN_NAME, value=request.run_name)]
        run_name = renamed_to(tags)
        tx.tags.set({request.run_id: tags})
        tx.runs.update(request.run_id, run_name=run_name)
    return UpdateRun.Reply(run_info=tx.runs.get_info(request.run_id))


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
