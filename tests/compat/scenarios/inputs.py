"""Datasets and models that go into a run, and models that come out of it."""

from __future__ import annotations

from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag
from recorder import Recorder

_MISSING = "0123456789abcdef0123456789abcdef"


def _dataset(name: str, digest: str, context: str | None = None, **fields: Any) -> DatasetInput:
    tags = [InputTag("mlflow.data.context", context)] if context else []
    return DatasetInput(Dataset(name, digest, fields.pop("source_type", "local"), '{"uri": "a"}', **fields), tags)


def ask(record: Recorder, client: Any, prefix: str) -> None:
    experiment = record.create_experiment("create for inputs", client.create_experiment, f"{prefix}/inputs")
    run_id = client.create_run(experiment, start_time=1000, run_name="inputs").info.run_id
    other = client.create_run(experiment, start_time=2000, run_name="other inputs").info.run_id
    record.ask("inputs", client.log_inputs, run_id, [_dataset("iris", "d1", "train", schema="{}", profile="p")])
    record.ask("inputs read", lambda: client.get_run(run_id).inputs)
    record.ask("inputs again", client.log_inputs, run_id, [_dataset("iris", "d1", "other")])
    record.ask("inputs again read", lambda: client.get_run(run_id).inputs)
    record.ask(
        "inputs two", client.log_inputs, other, [_dataset("iris", "d2", "test"), _dataset("wine", "d1", "train")]
    )
    record.ask("inputs none", client.log_inputs, other, [])
    record.ask("inputs of no run", client.log_inputs, _MISSING, [_dataset("iris", "d1")])
    record.ask("inputs of a long name", client.log_inputs, other, [_dataset("n" * 501, "d1")])
    record.ask("inputs of a long digest", client.log_inputs, other, [_dataset("n", "d" * 37)])
    record.ask("inputs of a long tag", client.log_inputs, other, [_dataset("tagged", "d1", "c" * 501)])
    for label, text in _FILTERS.items():
        record.ask(f"search dataset {label}", _names, client, experiment, text)
    if hasattr(client, "log_outputs"):
        _models(record, client, experiment)


_FILTERS = {
    "name": "dataset.name = 'iris'",
    "names": "datasets.name LIKE '%i%'",
    "digest": "dataset.digest = 'd2'",
    "context": "dataset.context = 'train'",
    "name and context of another": "dataset.name = 'iris' AND dataset.context = 'train'",
    "in": "dataset.name IN ('wine', 'water')",
    "not in": "dataset.name NOT IN ('wine')",
    "bad key": "dataset.schema = 'x'",
    "bad comparator": "dataset.name > 'x'",
}


def _names(client: Any, experiment: str, text: str) -> list[str]:
    return [run.info.run_name for run in client.search_runs([experiment], text)]


def _models(record: Recorder, client: Any, experiment: str) -> None:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    run_id = client.create_run(experiment, start_time=3000, run_name="with models").info.run_id
    trained = client.create_logged_model(experiment, "trained", source_run_id=run_id).model_id
    used = client.create_logged_model(experiment, "used").model_id
    record.ask("model inputs", client.log_inputs, run_id, models=[LoggedModelInput(used)])
    record.ask("model outputs", client.log_outputs, run_id, [LoggedModelOutput(trained, 3)])
    record.ask("model outputs of another step", client.log_outputs, run_id, [LoggedModelOutput(trained, 4)])
    record.ask("model outputs of no run", client.log_outputs, _MISSING, [LoggedModelOutput(trained, 3)])
    record.ask("model outputs read", client.get_run, run_id)
    searched = client.search_runs([experiment], "attributes.run_name = 'with models'")
    record.ask("model outputs searched", lambda: searched[0].outputs)
    record.ask("model inputs searched", lambda: searched[0].inputs)
