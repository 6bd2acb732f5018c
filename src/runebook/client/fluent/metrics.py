"""Metrics of the active run."""

from __future__ import annotations

from collections.abc import Iterable
from struct import error as struct_error
from time import time_ns
from typing import Any

from runebook.client import active_run as active
from runebook.client.client import Client
from runebook.client.data import dataset_entity
from runebook.client.entities import DatasetInput, Metric
from runebook.client.fluent.active_model import get_active_model_id
from runebook.client.fluent.runs import target
from runebook.client.opening import flush_all
from runebook.client.run_operations import RunOperations
from runebook.client.values import items_of, make_metric, metric_value, whole_number
from runebook.core.clock import now_ms


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """One point: at step 0 and now unless said otherwise.

    It is on the disk of this machine when this returns, and in the store soon after; with `synchronous=True`, it is in
    the store when this returns. It belongs to the model `model_id` too, by default to the active model, else to a
    model that the run wrote at the same step in this process. A dataset that it was measured on becomes an input of
    the run.
    """
    if run_id is None and synchronous is None and timestamp is None and model_id is None and dataset is None:
        recorder = active.quick.get()
        if recorder is not None:
            if value.__class__ is not float:
                value = metric_value(key, value)
            try:
                recorder.point(recorder.quick[key], 0 if step is None else step, time_ns() // 1_000_000, value)
            except (KeyError, TypeError, struct_error):
                pass  # not logged before, or not plain: below, slowly
            else:
                return None
    return _log_metrics({key: value}, step, synchronous, timestamp, run_id, model_id, dataset)


def log_metrics(
    metrics: dict[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Many metrics of one step and time: all or none. All else as of `log_metric`."""
    if run_id is None and synchronous is None and timestamp is None and model_id is None and dataset is None:
        recorder = active.quick.get()
        if recorder is not None:
            try:
                quick = recorder.quick
                values = [
                    value if value.__class__ is float else metric_value(key, value) for key, value in metrics.items()
                ]
                series = [quick[key] for key in metrics]
                recorder.points(series, values, 0 if step is None else step, time_ns() // 1_000_000)
            except (KeyError, TypeError, AttributeError, IndexError, struct_error):
                pass  # not logged before, or not plain: below, slowly
            else:
                return None
    return _log_metrics(metrics, step, synchronous, timestamp, run_id, model_id, dataset)


def flush(timeout_seconds: float | None = None) -> None:
    """Wait until the stores have everything that this process logged.

    Args:
        timeout_seconds: by default, it waits for as long as they take something now and then.

    Raises:
        TemporarilyUnavailable: they have not. The rest stays on the disk of this machine, and is shipped later.
        RunebookError: something was refused; all else is there.

    """
    flush_all(timeout_seconds)


def flush_async_logging() -> None:
    """As `flush`."""
    flush_all()


def flush_artifact_async_logging() -> None:
    """Wait until the store has what artifacts were logged with `synchronous=False`; by now it always has."""


def _log_metrics(
    metrics: Any,
    step: int | None,
    synchronous: bool | None,
    timestamp: int | None,
    run_id: str | None,
    model_id: str | None,
    dataset: Any,
) -> RunOperations | None:
    client, logged_to = target(run_id)
    name, digest = _measured_on(client, logged_to, dataset)
    at = 0 if step is None else whole_number("step", step)
    models: list[str | None] = [model_id] if model_id else [*_models_at(logged_to, at)] or [None]
    time = now_ms() if timestamp is None else timestamp
    points = [
        Metric.of(make_metric(key, value, time, at, model, name, digest))
        for key, value in items_of("metrics", metrics)
        for model in models
    ]
    operations = client.log_batch(logged_to, metrics=points, synchronous=synchronous)
    if run_id is None:
        _make_quick(metrics)
    return operations


def _make_quick(keys: Iterable[str]) -> None:
    """Let the next points of these keys take the short way, if nothing but key, step and value matters for them."""
    open_run = active.current()
    if open_run is None or open_run.recorder is None or open_run.outputs_by_step or get_active_model_id():
        return
    if open_run.client.is_asynchronous:
        return
    recorder = open_run.recorder
    recorder.quick.update((key, recorder.ids[key]) for key in keys if key in recorder.ids)
    active.quick.set(recorder)


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
