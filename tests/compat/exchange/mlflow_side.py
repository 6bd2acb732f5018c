"""Run by a real MLflow's Python: writes a store of files, or tells what it reads in one, as JSON.

python mlflow_side.py write|extend|read FOLDER
"""

import json
import logging
import os
import sys
from pathlib import Path

os.environ.update(MLFLOW_ALLOW_FILE_STORE="true", MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, ViewType

VALUES = [0.1, 1e300, 1e-7, -0.0, float("nan"), float("inf"), float("-inf"), 123456789012345680.0, 1e16]
NAMES = [
    "yes",
    "1_000",
    "a: b",
    "it's",
    "x #y",
    "2020-01-01",
    "  ",
    "é" * 90,
    "word " * 40,
    "emoji 😀",
    "a\nb\t\x85\ufeff",
]


def write(client: MlflowClient) -> None:
    """One of everything, in the forms that are hard to store."""
    experiment_id = client.create_experiment("exp: ünï #x", tags={"a/b": "two\nlines\n", "ü": "ß"})
    client.set_experiment_tag(experiment_id, "mlflow.note.content", "note")
    run_id = client.create_run(experiment_id, run_name="123", tags={"mlflow.user": "me"}, start_time=1_700_000_000_000)
    fill(client, run_id.info.run_id)
    for name in NAMES:
        client.create_run(experiment_id, run_name=name)
    ended = client.create_run(experiment_id, run_name="ended").info.run_id
    client.set_terminated(ended, "FAILED", end_time=1_700_000_005_000)
    client.delete_run(client.create_run(experiment_id, run_name="deleted").info.run_id)
    restored = client.create_run(experiment_id, run_name="restored").info.run_id
    client.delete_run(restored)
    client.restore_run(restored)
    gone = client.create_experiment("gone", artifact_location="s3://bucket/a place")
    client.create_run(gone, run_name="went with it")
    client.delete_run(client.create_run(gone, run_name="went before").info.run_id)
    client.delete_experiment(gone)
    renamed = client.create_experiment("old name", tags={"k": "v"})
    client.rename_experiment(renamed, "new name")
    if hasattr(client, "create_logged_model"):
        write_models(client, experiment_id, run_id.info.run_id)


def fill(client: MlflowClient, run_id: str) -> None:
    for step, value in enumerate(VALUES):
        client.log_metric(run_id, "m", value, timestamp=1_700_000_000_000 + step, step=step)
    client.log_metric(run_id, "m", 1.0, timestamp=1_700_000_000_100, step=2**62)
    client.log_metric(run_id, "m", 1.0, timestamp=1_700_000_000_101, step=-5)
    client.log_metric(run_id, "a/b/c", 1.0, timestamp=1, step=0)
    client.log_metric(run_id, "ünï cöde: x", 1.0, timestamp=1, step=0)
    client.log_metric(run_id, "x" * 250, 1.0, timestamp=1, step=0)
    for key, value in {"p/q": "value\n", "empty": "", "breaks": "a\r\nb\rc\n", "ünï": "\u2028😀"}.items():
        client.log_param(run_id, key, value)
        client.set_tag(run_id, key, value)
    dataset = Dataset(name="my data", digest="d1", source_type="local", source='{"uri": "/x"}', schema='{"a": 1}')
    tags = [InputTag("mlflow.data.context", "train"), InputTag("ü", "z")]
    client.log_inputs(run_id, datasets=[DatasetInput(dataset, tags)])
    bare = Dataset(name="bare", digest="d2", source_type="code", source="{}")
    client.log_inputs(run_id, datasets=[DatasetInput(bare, [])])


def write_models(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    model = client.create_logged_model(
        experiment_id, name="model", source_run_id=run_id, tags={"x.y": "z"}, params={"n": "1"}, model_type="tree"
    )
    client.finalize_logged_model(model.model_id, "READY")
    client.create_logged_model(experiment_id, name="pending")
    failed = client.create_logged_model(experiment_id, name="failed")
    client.finalize_logged_model(failed.model_id, "FAILED")
    client.delete_logged_model(client.create_logged_model(experiment_id, name="deleted").model_id)
    other = client.create_run(experiment_id, run_name="with models").info.run_id
    client.log_inputs(other, models=[LoggedModelInput(model.model_id)])
    client.log_outputs(other, models=[LoggedModelOutput(model.model_id, step=7)])
    client.log_metric(other, "acc", 0.5, timestamp=5, step=1, model_id=model.model_id)
    client.log_metric(
        other, "acc2", 0.6, timestamp=6, step=0, model_id=model.model_id, dataset_name="nm", dataset_digest="dg"
    )


def extend(client: MlflowClient) -> None:
    """Write on in what another wrote."""
    experiment = client.get_experiment_by_name("exp: ünï #x")
    for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ACTIVE_ONLY):
        client.log_metric(run.info.run_id, "m", 42.0, timestamp=1_800_000_000_000, step=2**62 + 1)
        client.log_param(run.info.run_id, "extended", "yes")
        client.set_tag(run.info.run_id, "extended", "yes")
        client.set_terminated(run.info.run_id, "FINISHED", end_time=1_800_000_000_001)
    gone = next(each for each in client.search_experiments(view_type=ViewType.DELETED_ONLY) if each.name == "gone")
    client.restore_experiment(gone.experiment_id)


def read(client: MlflowClient) -> dict:
    return {
        experiment.experiment_id: {
            "name": experiment.name,
            "location": experiment.artifact_location,
            "stage": experiment.lifecycle_stage,
            "times": [experiment.creation_time, experiment.last_update_time],
            "tags": experiment.tags,
            "runs": {run.info.run_id: read_run(client, run.info.run_id) for run in runs_of(client, experiment)},
            "models": read_models(client, experiment.experiment_id),
        }
        for experiment in client.search_experiments(view_type=ViewType.ALL)
    }


def runs_of(client: MlflowClient, experiment) -> list:
    return client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, max_results=1000)


def read_run(client: MlflowClient, run_id: str) -> dict:
    run = client.get_run(run_id)
    info = run.info
    return {
        "info": [info.run_name, info.user_id, info.status, info.start_time, info.end_time, info.lifecycle_stage],
        "artifacts": info.artifact_uri,
        "params": run.data.params,
        "tags": run.data.tags,
        "last": {key: repr(value) for key, value in run.data.metrics.items()},
        "histories": {
            key: sorted([point.timestamp, point.step, repr(point.value)] for point in history(client, run_id, key))
            for key in run.data.metrics
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
        "models in": sorted(each.model_id for each in getattr(run.inputs, "model_inputs", [])),
        "models out": sorted([each.model_id, each.step] for each in run.outputs.model_outputs)
        if hasattr(run, "outputs")
        else [],
    }


def history(client: MlflowClient, run_id: str, key: str) -> list:
    return client.get_metric_history(run_id, key)


def read_models(client: MlflowClient, experiment_id: str) -> dict:
    if not hasattr(client, "search_logged_models"):
        return {}
    try:
        models = client.search_logged_models([experiment_id])
    except Exception as error:  # an experiment in the trash has none to MLflow
        if "not find experiment" in str(error):
            return {}
        raise
    return {
        model.model_id: {
            "name": model.name,
            "location": model.artifact_location,
            "times": [model.creation_timestamp, model.last_updated_timestamp],
            "type": model.model_type or "",
            "run": model.source_run_id or "",
            "status": model.status.name,
            "params": model.params or {},
            "tags": model.tags or {},
            "metrics": sorted(
                [each.key, each.timestamp, each.step, repr(each.value), each.run_id, each.dataset_name or ""]
                for each in model.metrics or []
            ),
        }
        for model in models
    }


def main() -> None:
    logging.disable(logging.INFO)
    action, folder = sys.argv[1:]
    client = MlflowClient(Path(folder).absolute().as_uri())
    {"write": write, "extend": extend, "read": lambda _: None}[action](client)
    json.dump(read(client), sys.stdout)


if __name__ == "__main__":
    main()
