"""Metrics of the active run."""

from __future__ import annotations

from typing import Any

from runebook.client import active_run as active
from runebook.client.client import Client
from runebook.client.data import dataset_entity
from runebook.client.entities import DatasetInput, Metric
from runebook.client.fluent.active_model import get_active_model_id
from runebook.client.fluent.runs import target
from runebook.client.run_operations import RunOperations
from runebook.client.values import items_of, make_metric, whole_number


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,  # MLflow's signature
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """One point: at step 0 and now unless said otherwise.

    It belongs to the model `model_id` too, by default to the active model, else to a model that the run wrote at the
    same step in this process. A dataset that it was measured on becomes an input of the run.
    """
    client, logged_to = target(run_id)
    name, digest = _measured_on(client, logged_to, dataset)
    at = 0 if step is None else whole_number("step", step)
    models = [model_id] if model_id else _models_at(logged_to, at)
    return client.log_metric(
        logged_to, key, value, timestamp, at, synchronous, name, digest, models[0] if models else None
    )


def log_metrics(
    metrics: dict[str, float],
    step: int | None = None,
    synchronous: bool | None = None,  # MLflow's signature
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Many metrics of one step and time: all or nothing, up to 1000. Models and dataset as of `log_metric`."""
    client, logged_to = target(run_id)
    name, digest = _measured_on(client, logged_to, dataset)
    at = 0 if step is None else whole_number("step", step)
    models: list[str | None] = [model_id] if model_id else [*_models_at(logged_to, at)] or [None]
    points = []
    for key, value in items_of("metrics", metrics):
        for model in models:
            point = make_metric(key, value, timestamp, at, model, name, digest)
            points.append(Metric.of(point))
    return client.log_batch(logged_to, metrics=points, synchronous=synchronous)


def flush_async_logging() -> None:
    """Wait until the store has what was logged with `synchronous=False`; by now it always has."""


def flush_artifact_async_logging() -> None:
    """As `flush_async_logging`, for artifacts."""


def _measured_on(client: Client, run_id: str, dataset: Any) -> tuple[str | None, str | None]:
    if dataset is None:
        return None, None
    entity = dataset_entity(dataset)
    client.log_inputs(run_id, datasets=[DatasetInput(entity)])
    return entity.name, entity.digest


def _models_at(run_id: str, step: int) -> list[str]:
    chosen = get_active_model_id()
    if chosen:
        return [chosen]
    for open_run in active.stack():
        if open_run.run_id == run_id:
            return open_run.outputs_by_step.get(step, [])
    return []
