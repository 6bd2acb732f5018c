"""Use cases of runs as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.api.operation import Nothing
from runebook.api.runs import CreateRun, DeleteRun, GetRun, LogBatch, RestoreRun, SearchRuns, UpdateRun
from runebook.core import checks, limits
from runebook.core.errors import InvalidParameterValue
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import RunId, new_run_id
from runebook.core.params import Param
from runebook.core.runs import RunInfo, RunStatus
from runebook.core.tags import RUN_NAME, Tag
from runebook.services.context import Context
from runebook.services.handlers import handles
from runebook.services.run_names import new_run_name
from runebook.services.searches import check_search
from runebook.storage.base import NewRun, SearchQuery, Transaction

FRAMES_WORTH_FOLDING_AT_END = 64
"""A run that ends is folded at once when it left so many frames: nobody else does it for an embedded store."""


def active_run(tx: Transaction, run_id: str) -> RunInfo:
    """The run, which must not be in the trash.

    Raises:
        NotFound, InvalidParameterValue
    """
    checks.check_run_id(run_id)
    info = tx.runs.get_info(run_id)
    if info.lifecycle_stage is not LifecycleStage.ACTIVE:
        raise InvalidParameterValue(f"The run {run_id} must be in the 'active' state. Current state is deleted.")
    return info


def set_tags(tx: Transaction, run_id: str, tags: Sequence[Tag]) -> None:
    """Set tags of a run; the tag `mlflow.runName` and the run's name are one."""
    tx.tags.set(run_id, tags)
    names = [tag.value for tag in tags if tag.key == RUN_NAME and tag.value]
    if names:
        checks.check_text(names[-1], "run_name", max_length=limits.MAX_RUN_NAME_LENGTH)
        tx.runs.update(run_id, run_name=names[-1])


def check_params(params: Sequence[Param], path: str = "params") -> None:
    """Raises InvalidParameterValue for a bad key or value, or a key that is there twice."""
    seen: set[str] = set()
    for number, param in enumerate(params):
        checks.check_key(param.key, f"{path}[{number}].key")
        checks.check_value(param.value, f"{path}[{number}].value")
        if param.key in seen:
            raise InvalidParameterValue(
                f"Duplicate parameter keys have been submitted: ['{param.key}']. Send each once."
            )
        seen.add(param.key)


@handles(CreateRun)
def create_run(tx: Transaction, request: CreateRun, context: Context) -> CreateRun.Reply:
    checks.check_experiment_id(request.experiment_id)
    experiment = tx.experiments.get(request.experiment_id)
    if experiment.lifecycle_stage is not LifecycleStage.ACTIVE:
        raise InvalidParameterValue(
            f"The experiment {request.experiment_id} must be in the 'active' state. Current state is deleted."
        )
    checks.check_tags(request.tags)
    checks.check_text(request.user_id, "user_id", max_length=limits.MAX_USER_ID_LENGTH)
    if request.start_time is not None:
        checks.check_int64(request.start_time, "start_time", at_least=0)
    name = _run_name(request)
    run_id = _chosen_run_id(request)
    tags = [tag for tag in request.tags if tag.key != RUN_NAME]
    tx.runs.create(
        NewRun(
            run_id=run_id,
            experiment_id=experiment.experiment_id,
            run_name=name,
            user_id=request.user_id,
            start_time=context.now_ms if request.start_time is None else request.start_time,
            artifact_uri=f"{experiment.artifact_location.rstrip('/')}/{run_id}/artifacts",
            status=RunStatus.RUNNING,
            tags=[*tags, Tag(key=RUN_NAME, value=name)],
        )
    )
    return CreateRun.Reply(run=tx.runs.get(run_id))


def _run_name(request: CreateRun) -> str:
    tagged = next((tag.value for tag in reversed(request.tags) if tag.key == RUN_NAME), None)
    if request.run_name and tagged and request.run_name != tagged:
        raise InvalidParameterValue(
            f"Both 'run_name' argument and '{RUN_NAME}' tag are specified, but with different values "
            f"(run_name='{request.run_name}', {RUN_NAME}='{tagged}'). Send one of them."
        )
    name = request.run_name or tagged or new_run_name()
    checks.check_text(name, "run_name", max_length=limits.MAX_RUN_NAME_LENGTH)
    return name


def _chosen_run_id(request: CreateRun) -> RunId:
    if request.run_id is None:
        return new_run_id()
    if len(request.run_id) != 32 or set(request.run_id) - set("0123456789abcdef"):
        raise checks.invalid(request.run_id, "run_id", "A chosen run id has 32 lower-case hex digits.")
    return request.run_id


@handles(UpdateRun)
def update_run(tx: Transaction, request: UpdateRun, context: Context) -> UpdateRun.Reply:
    active_run(tx, request.run_id)
    if request.end_time is not None:
        checks.check_int64(request.end_time, "end_time", at_least=0)
    tx.runs.update(request.run_id, status=request.status, end_time=request.end_time)
    if request.status is not None and request.status.is_terminated:
        tx.metrics.fold(request.run_id, at_least=FRAMES_WORTH_FOLDING_AT_END)
    if request.run_name:
        set_tags(tx, request.run_id, [Tag(key=RUN_NAME, value=request.run_name)])
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
    _check_batch_size(request)
    checks.check_metrics(request.metrics)
    check_params(request.params)
    checks.check_tags(request.tags)
    active_run(tx, request.run_id)
    if request.params:
        tx.params.log(request.run_id, request.params)
    if request.metrics:
        tx.metrics.append(request.run_id, request.metrics, writer=None, sequence=0)
    if request.tags:
        set_tags(tx, request.run_id, request.tags)
    return Nothing()


def _check_batch_size(request: LogBatch) -> None:
    for noun, items, limit in (
        ("metrics", request.metrics, limits.MAX_METRICS_PER_BATCH),
        ("params", request.params, limits.MAX_PARAMS_PER_BATCH),
        ("tags", request.tags, limits.MAX_TAGS_PER_BATCH),
    ):
        if len(items) > limit:
            raise InvalidParameterValue(
                f"A batch logging request can contain at most {limit} {noun}. Got {len(items)} {noun}. "
                f"Please split up {noun} across multiple requests and try again."
            )
    total = len(request.metrics) + len(request.params) + len(request.tags)
    if total > limits.MAX_ENTITIES_PER_BATCH:
        raise InvalidParameterValue(
            f"A batch logging request can contain at most {limits.MAX_ENTITIES_PER_BATCH} metrics, params and tags in "
            f"total. Got {total}. Please split them across multiple requests and try again."
        )
