"""What Runebook reads in a store of files, told as `mlflow_side` tells it; and a store written anew from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from msgspec import structs

from runebook.core.experiments import Experiment, LifecycleStage, ViewType
from runebook.core.logged_models import LoggedModelStatus
from runebook.core.metrics import Metric
from runebook.core.runs import Run
from runebook.storage.base import LoggedModelQuery, NewRun, SearchQuery, Transaction
from runebook.storage.files.experiments import ExperimentFiles
from runebook.storage.files.storage import FileStorage
from runebook.testing.records import series

DELETED = LifecycleStage.DELETED


def open_store(folder: Path) -> FileStorage:
    return FileStorage.open(str(folder), artifact_root=folder.absolute().as_uri())


def read(folder: Path) -> dict[str, Any]:
    with open_store(folder).read() as tx:
        return {each.experiment_id: _experiment_facts(tx, each) for each in _experiments(tx)}


def _experiments(tx: Transaction) -> list[Experiment]:
    return tx.experiments.search(SearchQuery("", [], ViewType.ALL, 1000, None)).items


def _runs(tx: Transaction, experiment: Experiment) -> list[Run]:
    return tx.runs.search([experiment.experiment_id], SearchQuery("", [], ViewType.ALL, 1000, None)).items


def _experiment_facts(tx: Transaction, experiment: Experiment) -> dict[str, Any]:
    active = experiment.lifecycle_stage is not DELETED
    return {
        "name": experiment.name,
        "location": experiment.artifact_location,
        "stage": experiment.lifecycle_stage.value,
        "times": [experiment.creation_time, experiment.last_update_time],
        "tags": {tag.key: tag.value for tag in experiment.tags},
        "runs": {run.info.run_id: _run_facts(tx, run) for run in _runs(tx, experiment)},
        "models": _model_facts(tx, experiment) if active else {},
    }


def _run_facts(tx: Transaction, run: Run) -> dict[str, Any]:
    info = run.info
    stage = info.lifecycle_stage.value
    keys = [metric.key for metric in run.data.metrics]
    return {
        "info": [info.run_name, info.user_id, info.status.value, info.start_time, info.end_time, stage],
        "artifacts": info.artifact_uri,
        "params": {param.key: param.value for param in run.data.params},
        "tags": {tag.key: tag.value for tag in run.data.tags},
        "last": {metric.key: repr(metric.value) for metric in run.data.metrics},
        "histories": {
            key: sorted(
                [point.timestamp, point.step, repr(point.value)] for point in tx.metrics.history(info.run_id, key).items
            )
            for key in keys
        },
        "datasets": sorted(
            [
                each.dataset.name,
                each.dataset.digest,
                each.dataset.source_type,
                each.dataset.source,
                each.dataset.schema or "",
                each.dataset.profile or "",
                sorted([tag.key, tag.value] for tag in each.tags),
            ]
            for each in run.inputs.dataset_inputs
        ),
        "models in": sorted(each.model_id for each in run.inputs.model_inputs),
        "models out": sorted([each.model_id, each.step] for each in run.outputs.model_outputs),
    }


def _model_facts(tx: Transaction, experiment: Experiment) -> dict[str, Any]:
    found = tx.logged_models.search([experiment.experiment_id], LoggedModelQuery("", [], [], 1000, None)).items
    return {
        model.info.model_id: {
            "name": model.info.name,
            "location": model.info.artifact_uri,
            "times": [model.info.creation_timestamp_ms, model.info.last_updated_timestamp_ms],
            "type": model.info.model_type or "",
            "run": model.info.source_run_id or "",
            "status": model.info.status.name,
            "params": {param.key: param.value for param in model.data.params},
            "tags": {tag.key: tag.value for tag in model.info.tags},
            "metrics": sorted(
                [each.key, each.timestamp, each.step, repr(each.value), each.run_id, each.dataset_name or ""]
                for each in model.data.metrics
            ),
        }
        for model in found
    }


def write_anew(source: Path, target: Path, *, for_mlflow_2: bool = False) -> None:
    """Write all that a store holds into a new one, with the ids and times that it has there.

    MLflow 2 fails on a run that has a model as input, or a metric with a dataset, whoever wrote it; it is spared these.
    """
    with open_store(source).read() as old, open_store(target).write() as new:
        for experiment in _experiments(old):
            _copy_experiment(source, old, new, experiment)
            for folder in sorted(_folder(source, experiment).glob("models/m-*")):
                _copy_model(old, new, folder)
            for run in _runs(old, experiment):
                _copy_run(old, new, run, for_mlflow_2=for_mlflow_2)
            for run in _runs(old, experiment):
                if run.info.lifecycle_stage is DELETED:
                    deleted = _meta(_folder(source, experiment) / run.info.run_id)["deleted_time"]
                    new.runs.set_stage(run.info.run_id, DELETED, deleted)
            if experiment.lifecycle_stage is DELETED:
                new.experiments.set_stage(experiment.experiment_id, DELETED, experiment.last_update_time or 0)


def _folder(root: Path, experiment: Experiment) -> Path:
    trashed = experiment.lifecycle_stage is DELETED
    return (root / ".trash" if trashed else root) / experiment.experiment_id


def _meta(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "meta.yaml").read_bytes())
    return found


def _copy_experiment(source: Path, old: Transaction, new: Transaction, experiment: Experiment) -> None:
    assert isinstance(new.experiments, ExperimentFiles)
    created = experiment.creation_time or 0
    new.experiments.put(experiment.experiment_id, experiment.name, experiment.artifact_location, created)
    for tag in experiment.tags:
        new.experiments.set_tag(experiment.experiment_id, tag, experiment.last_update_time or 0)
    if "tags" in _meta(_folder(source, experiment)):  # MLflow wrote it again since it was made
        new.experiments.rename(experiment.experiment_id, experiment.name, experiment.last_update_time or 0)


def _copy_model(old: Transaction, new: Transaction, folder: Path) -> None:
    model = old.logged_models.get(folder.name, allow_deleted=True)
    pending = structs.replace(model.info, status=LoggedModelStatus.PENDING)
    new.logged_models.create(pending, model.data.params)
    if model.info.status is not LoggedModelStatus.PENDING:
        new.logged_models.set_status(folder.name, model.info.status, model.info.last_updated_timestamp_ms)
    if _meta(folder).get("lifecycle_stage") == "deleted":
        new.logged_models.delete(folder.name, model.info.last_updated_timestamp_ms)


def _copy_run(old: Transaction, new: Transaction, run: Run, *, for_mlflow_2: bool) -> None:
    info = run.info
    start = (info.run_id, info.experiment_id, info.run_name, info.user_id, info.start_time, info.artifact_uri)
    new.runs.create([NewRun(*start, status=info.status, tags=run.data.tags)])
    if info.end_time is not None:
        new.runs.update(info.run_id, end_time=info.end_time)
    new.params.add({info.run_id: run.data.params})
    models = {
        (metric.key, metric.timestamp): metric.model_id
        for each in run.outputs.model_outputs
        for metric in old.logged_models.get(each.model_id).data.metrics
    }
    for metric in run.data.metrics:
        points = [
            Metric(
                key=point.key,
                value=point.value,
                timestamp=point.timestamp,
                step=point.step,
                model_id=models.get((point.key, point.timestamp)),
                dataset_name=None if for_mlflow_2 else point.dataset_name,
                dataset_digest=None if for_mlflow_2 else point.dataset_digest,
            )
            for point in old.metrics.history(info.run_id, metric.key).items
        ]
        new.metrics.append({info.run_id: series(points)})
    new.datasets.log_inputs(info.run_id, run.inputs.dataset_inputs, [] if for_mlflow_2 else run.inputs.model_inputs)
    new.datasets.log_outputs(info.run_id, run.outputs.model_outputs)
