"""Use cases of experiments."""

from __future__ import annotations

from runebook.api.experiments import (
    CreateExperiment,
    DeleteExperiment,
    DeleteExperimentTag,
    GetExperiment,
    GetExperimentByName,
    RestoreExperiment,
    SearchDatasets,
    SearchExperiments,
    SetExperimentTag,
    UpdateExperiment,
)
from runebook.api.operation import Nothing
from runebook.core import checks, limits
from runebook.core.errors import InvalidParameterValue, InvalidState, NotFound
from runebook.core.experiments import LifecycleStage
from runebook.core.tags import Tag
from runebook.services.context import Context
from runebook.services.handlers import handles
from runebook.services.searches import check_search
from runebook.storage.base import SearchQuery, Transaction


@handles(CreateExperiment)
def create_experiment(tx: Transaction, request: CreateExperiment, context: Context) -> CreateExperiment.Reply:
    checks.check_experiment_name(request.name, "name")
    checks.check_tags(request.tags)
    if request.artifact_location:
        context.artifacts.check_location(request.artifact_location)
    experiment_id = tx.experiments.create(
        request.name, request.artifact_location or None, context.artifact_root, request.tags, context.now_ms
    )
    return CreateExperiment.Reply(experiment_id=experiment_id)


@handles(GetExperiment)
def get_experiment(tx: Transaction, request: GetExperiment, context: Context) -> GetExperiment.Reply:
    checks.check_experiment_id(request.experiment_id)
    return GetExperiment.Reply(experiment=tx.experiments.get(request.experiment_id))


@handles(GetExperimentByName)
def get_experiment_by_name(
    tx: Transaction, request: GetExperimentByName, context: Context
) -> GetExperimentByName.Reply:
    experiment = tx.experiments.get_by_name(request.experiment_name)
    if experiment is None:
        raise NotFound(f"Could not find experiment with name '{request.experiment_name[:500]}'")
    return GetExperimentByName.Reply(experiment=experiment)


@handles(SearchExperiments)
def search_experiments(tx: Transaction, request: SearchExperiments, context: Context) -> SearchExperiments.Reply:
    check_search(request.max_results, request.filter, request.order_by)
    page = tx.experiments.search(
        SearchQuery(
            request.filter or "", request.order_by, request.view_type, request.max_results, request.page_token or None
        )
    )
    return SearchExperiments.Reply(experiments=page.items, next_page_token=page.next_token)


@handles(UpdateExperiment)
def update_experiment(tx: Transaction, request: UpdateExperiment, context: Context) -> Nothing:
    checks.check_experiment_id(request.experiment_id)
    checks.check_experiment_name(request.new_name, "new_name")
    experiment = tx.experiments.get(request.experiment_id)
    if experiment.lifecycle_stage is LifecycleStage.DELETED:
        raise InvalidState("Cannot rename a deleted experiment. Restore it first.")
    tx.experiments.rename(request.experiment_id, request.new_name, context.now_ms)
    return Nothing()


@handles(DeleteExperiment)
def delete_experiment(tx: Transaction, request: DeleteExperiment, context: Context) -> Nothing:
    _move(tx, request.experiment_id, LifecycleStage.ACTIVE, LifecycleStage.DELETED, context)
    return Nothing()


@handles(RestoreExperiment)
def restore_experiment(tx: Transaction, request: RestoreExperiment, context: Context) -> Nothing:
    _move(tx, request.experiment_id, LifecycleStage.DELETED, LifecycleStage.ACTIVE, context)
    return Nothing()


def _move(tx: Transaction, experiment_id: str, before: LifecycleStage, after: LifecycleStage, context: Context) -> None:
    checks.check_experiment_id(experiment_id)
    if tx.experiments.get(experiment_id).lifecycle_stage is not before:
        raise NotFound(f"No {before.value} experiment with id={experiment_id} exists")
    tx.experiments.set_stage(experiment_id, after, context.now_ms)


@handles(SetExperimentTag)
def set_experiment_tag(tx: Transaction, request: SetExperimentTag, context: Context) -> Nothing:
    checks.check_key(request.key, "key")
    checks.check_value(request.value, "value")
    _check_active(tx, request.experiment_id)
    tx.experiments.set_tag(request.experiment_id, Tag(key=request.key, value=request.value), context.now_ms)
    return Nothing()


@handles(DeleteExperimentTag)
def delete_experiment_tag(tx: Transaction, request: DeleteExperimentTag, context: Context) -> Nothing:
    checks.check_key(request.key, "key")
    _check_active(tx, request.experiment_id)
    tx.experiments.delete_tag(request.experiment_id, request.key, context.now_ms)
    return Nothing()


def _check_active(tx: Transaction, experiment_id: str) -> None:
    checks.check_experiment_id(experiment_id)
    stage = tx.experiments.get(experiment_id).lifecycle_stage
    if stage is not LifecycleStage.ACTIVE:
        raise InvalidParameterValue(
            f"The experiment {experiment_id} must be in the 'active' state. Current state is {stage.value}."
        )


@handles(SearchDatasets)
def search_datasets(tx: Transaction, request: SearchDatasets, context: Context) -> SearchDatasets.Reply:
    if not request.experiment_ids:
        raise checks.missing("experiment_ids")
    checks.check_list_length(request.experiment_ids, "experiment_ids", at_most=limits.MAX_DATASET_SEARCH_EXPERIMENTS)
    for experiment_id in request.experiment_ids:
        checks.check_experiment_id(experiment_id)
    return SearchDatasets.Reply(
        dataset_summaries=tx.datasets.summaries(request.experiment_ids, limits.MAX_DATASET_SUMMARIES)
    )
