"""Metrics and their histories through MlflowClient."""

from __future__ import annotations

from typing import Any

from mlflow.entities import Metric
from recorder import Recorder

_MISSING = "0123456789abcdef0123456789abcdef"


def ask(record: Recorder, client: Any, prefix: str) -> None:
    experiment = record.create_experiment("create for metrics", client.create_experiment, f"{prefix}/metrics")
    run_id = client.create_run(experiment, start_time=1000, run_name="metrics").info.run_id
    _single(record, client, run_id)
    _latest(record, client, run_id)
    _long(record, client, run_id)


def _single(record: Recorder, client: Any, run_id: str) -> None:
    record.ask("metric", client.log_metric, run_id, "loss", 0.5, timestamp=100, step=1)
    record.ask("metric again", client.log_metric, run_id, "loss", 0.5, timestamp=100, step=1)
    record.ask("metric of another value", client.log_metric, run_id, "loss", 0.25, timestamp=100, step=1)
    record.ask("metric without step", client.log_metric, run_id, "loss", 0.75, timestamp=50)
    record.ask("metric now", client.log_metric, run_id, "now", 1)
    record.ask("metric of a whole number", client.log_metric, run_id, "whole", 2**53 + 1, timestamp=1, step=0)
    record.ask("metric of a boolean", client.log_metric, run_id, "boolean", True, timestamp=1, step=0)
    record.ask("metric of a text", client.log_metric, run_id, "text", "0.5", timestamp=1, step=0)
    record.ask("metric of no number", client.log_metric, run_id, "text", "abc", timestamp=1, step=0)
    record.ask("metric of nothing", client.log_metric, run_id, "none", None, timestamp=1, step=0)
    record.ask("metric before the epoch", client.log_metric, run_id, "early", 1.0, timestamp=-1, step=0)
    record.ask("metric of no key", client.log_metric, run_id, "", 1.0)
    record.ask("metric of a bad key", client.log_metric, run_id, "a/../b", 1.0)
    record.ask("metric of an odd key", client.log_metric, run_id, "a%b", 1.0)
    record.ask("metric of a long key", client.log_metric, run_id, "k" * 251, 1.0)
    record.ask("metric of no run", client.log_metric, _MISSING, "a", 1.0)
    record.ask("history", client.get_metric_history, run_id, "loss")
    record.ask("history of no metric", client.get_metric_history, run_id, "never logged")
    record.ask("history of no run", client.get_metric_history, _MISSING, "loss")
    record.ask("metrics read", client.get_run, run_id)


def _latest(record: Recorder, client: Any, run_id: str) -> None:
    """Which point of a series is its last: by step, then time, then value."""
    series = {
        "by step": [(1.0, 300, 1), (2.0, 100, 3), (3.0, 200, 2)],
        "by time": [(1.0, 100, 1), (2.0, 300, 1), (3.0, 200, 1)],
        "by value": [(1.0, 100, 1), (3.0, 100, 1), (2.0, 100, 1)],
        "negative": [(1.0, 100, -3), (2.0, 100, -1), (3.0, 100, -2)],
    }
    for key, points in series.items():
        client.log_batch(run_id, [Metric(key, value, time_ms, step) for value, time_ms, step in points])
        record.ask(f"latest {key}", lambda key=key: client.get_run(run_id).data.metrics[key])
        record.ask(f"history {key}", client.get_metric_history, run_id, key)


def _long(record: Recorder, client: Any, run_id: str) -> None:
    metrics = [Metric("long", step / 7, 1000 + step, step) for step in range(2500)]
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics[start : start + 1000])
    history = client.get_metric_history(run_id, "long")
    record.note("long history", {"count": len(history), "sum": round(sum(point.value for point in history), 6)})
    record.note("long history in order", {"steps": [point.step for point in history] == list(range(2500))})
    too_many = [Metric("much", 1.0, step, step) for step in range(1001)]
    record.ask("batch of 1001 metrics", client.log_batch, run_id, too_many)
    record.ask("batch of 1001 metrics read", lambda: len(client.get_metric_history(run_id, "much")))
