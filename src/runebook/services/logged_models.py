"""Use cases of logged models."""

from __future__ import annotations

import json
from collections.abc import Sequence

from runebook.api.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    GetLoggedModel,
    LogLoggedModelParams,
    LogModel,
    SearchLoggedModels,
    SetLoggedModelTags,
)
from runebook.api.operation import Nothing
from runebook.core import checks, limits
from runebook.core.errors import InvalidParameterValue
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import new_model_id
from runebook.core.logged_models import LoggedModelInfo, LoggedModelStatus
from runebook.core.run_names import new_run_name
from runebook.core.tags import LOG_MODEL_HISTORY, Tag
from runebook.services.context import Context
from runebook.services.handlers import handles
from runebook.services.run_rules import active_run, check_params
from runebook.services.searches import check_search
from runebook.storage.base import LoggedModelOrder, LoggedModelQuery, Transaction


@handles(CreateLoggedModel)
def create_logged_model(tx: Transaction, request: CreateLoggedModel, context: Context) -> CreateLoggedModel.Reply:
    checks.check_experiment_id(request.experiment_id)
    experiment = tx.experiments.get(request.experiment_id)
    if experiment.lifecycle_stage is not LifecycleStage.ACTIVE:
        raise InvalidParameterValue(
            f"The experiment {request.experiment_id} must be in the 'active' state. Current state is deleted."
        )
    if request.name is not None:
        checks.check_logged_model_name(request.name, "name")
    checks.check_text(request.model_type or "", "model_type", max_length=limits.MAX_MODEL_TYPE_LENGTH)
    checks.check_tags(request.tags)
    check_params(request.params)
    if request.source_run_id:
        checks.check_run_id(request.source_run_id, "source_run_id")
    model_id = new_model_id()
    info = LoggedModelInfo(
        model_id=model_id,
        experiment_id=experiment.experiment_id,
        name=request.name or new_run_name(),
        creation_timestamp_ms=context.now_ms,
        last_updated_timestamp_ms=context.now_ms,
        artifact_uri=f"{experiment.artifact_location.rstrip('/')}/models/{model_id}/artifacts",
        status=LoggedModelStatus.PENDING,
        model_type=request.model_type,
        source_run_id=request.source_run_id,
        tags=request.tags,
    )
    tx.logged_models.create(info, request.params)
    return CreateLoggedModel.Reply(model=tx.logged_models.get(model_id))


@handles(GetLoggedModel)
def get_logged_model(tx: Transaction, request: GetLoggedModel, context: Context) -> GetLoggedModel.Reply:
    return GetLoggedModel.Reply(model=tx.logged_models.get(request.model_id, allow_deleted=request.allow_deleted))


@handles(FinalizeLoggedModel)
def finalize_logged_model(tx: Transaction, request: FinalizeLoggedModel, context: Context) -> FinalizeLoggedModel.Reply:
    if request.status is LoggedModelStatus.UNSPECIFIED:
        raise checks.invalid(
            request.status.value,
            "status",
            "Give LOGGED_MODEL_READY, LOGGED_MODEL_UPLOAD_FAILED or LOGGED_MODEL_PENDING.",
        )
    tx.logged_models.get(request.model_id)
    tx.logged_models.set_status(request.model_id, request.status, context.now_ms)
    return FinalizeLoggedModel.Reply(model=tx.logged_models.get(request.model_id))


@handles(DeleteLoggedModel)
def delete_logged_model(tx: Transaction, request: DeleteLoggedModel, context: Context) -> Nothing:
    tx.logged_models.delete(request.model_id, context.now_ms)
    return Nothing()


@handles(SetLoggedModelTags)
def set_logged_model_tags(tx: Transaction, request: SetLoggedModelTags, context: Context) -> SetLoggedModelTags.Reply:
    checks.check_list_length(request.tags, "tags", at_most=limits.MAX_ENTITIES_PER_BATCH)
    checks.check_tags(request.tags)
    tx.logged_models.get(request.model_id)
    tx.logged_models.set_tags(request.model_id, request.tags, context.now_ms)
    return SetLoggedModelTags.Reply()


@handles(DeleteLoggedModelTag)
def delete_logged_model_tag(tx: Transaction, request: DeleteLoggedModelTag, context: Context) -> Nothing:
    tx.logged_models.get(request.model_id)
    tx.logged_models.delete_tag(request.model_id, request.tag_key, context.now_ms)
    return Nothing()


@handles(LogLoggedModelParams)
def log_logged_model_params(tx: Transaction, request: LogLoggedModelParams, context: Context) -> Nothing:
    checks.check_list_length(request.params, "params", at_most=limits.MAX_ENTITIES_PER_BATCH)
    check_params(request.params)
    tx.logged_models.get(request.model_id)
    tx.logged_models.log_params(request.model_id, request.params, context.now_ms)
    return Nothing()


@handles(SearchLoggedModels)
def search_logged_models(tx: Transaction, request: SearchLoggedModels, context: Context) -> SearchLoggedModels.Reply:
    if not request.experiment_ids:
        raise checks.missing("experiment_ids")
    for experiment_id in request.experiment_ids:
        checks.check_experiment_id(experiment_id)
    check_search(request.max_results, request.filter, request.order_by)
    for number, dataset in enumerate(request.datasets):
        _check_dataset(dataset.dataset_name, dataset.dataset_digest, f"datasets[{number}]", required=True)
    for number, key in enumerate(request.order_by):
        _check_dataset(key.dataset_name, key.dataset_digest, f"order_by[{number}]")
    query = LoggedModelQuery(
        filter=request.filter or "",
        order_by=[
            LoggedModelOrder(key.field_name, key.ascending, key.dataset_name or None, key.dataset_digest or None)
            for key in request.order_by
        ],
        datasets=[(dataset.dataset_name, dataset.dataset_digest or None) for dataset in request.datasets],
        max_results=request.max_results,
        page_token=request.page_token or None,
    )
    page = tx.logged_models.search(request.experiment_ids, query)
    return SearchLoggedModels.Reply(models=page.items, next_page_token=page.next_token)


def _check_dataset(name: str | None, digest: str | None, path: str, *, required: bool = False) -> None:
    longest = limits.MAX_DATASET_NAME_LENGTH
    checks.check_text(name or "", f"{path}.dataset_name", max_length=longest, required=required)
    checks.check_text(digest or "", f"{path}.dataset_digest", max_length=limits.MAX_DATASET_DIGEST_LENGTH)


@handles(LogModel)
def log_model(tx: Transaction, request: LogModel, context: Context) -> Nothing:
    model = _parse_model(request.model_json)
    active_run(tx, request.run_id)
    tx.runs.locked([request.run_id])  # nobody else adds to the list between reading and writing it
    history = tx.tags.get(request.run_id, LOG_MODEL_HISTORY)
    models: list[object] = [] if history is None else json.loads(history)
    value = json.dumps([*models, model])
    checks.check_value(value, LOG_MODEL_HISTORY)
    tx.tags.set({request.run_id: [Tag(key=LOG_MODEL_HISTORY, value=value)]})
    return Nothing()


_MODEL_FIELDS: Sequence[str] = ("artifact_path", "flavors", "utc_time_created", "run_id")


def _parse_model(text: str) -> dict[str, object]:
    try:
        model = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidParameterValue(f"Malformed model info in 'model_json'. {error}. Send one JSON object.") from None
    if not isinstance(model, dict):
        raise InvalidParameterValue("Malformed model info in 'model_json'. Send one JSON object.")
    absent = [name for name in _MODEL_FIELDS if name not in model]
    if absent:
        raise InvalidParameterValue(
            f"Model json in 'model_json' is missing mandatory fields: {', '.join(absent)}. Add them."
        )
    return model
