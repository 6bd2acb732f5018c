"""What the client hands out, as plain values to print."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runebook.client.entities import Experiment, Metric, Run


def experiment_as_json(experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": experiment.artifact_location,
        "lifecycle_stage": experiment.lifecycle_stage,
        "creation_time": experiment.creation_time,
        "last_update_time": experiment.last_update_time,
        "tags": experiment.tags,
    }


def run_as_json(run: Run) -> dict[str, Any]:
    """A run in the shape that `mlflow runs describe` prints: metrics, params and tags as objects."""
    fields: dict[str, Any] = run.to_dictionary()
    return fields


def metric_as_json(metric: Metric) -> dict[str, Any]:
    return {"key": metric.key, "value": metric.value, "timestamp": metric.timestamp, "step": metric.step}


def run_as_row(run: Run) -> dict[str, Any]:
    """A run as one flat line: its fields, then `metrics.K`, `params.K` and `tags.K`."""
    info, data = run.info, run.data
    return {
        "run_id": info.run_id,
        "experiment_id": info.experiment_id,
        "status": info.status,
        "artifact_uri": info.artifact_uri,
        "start_time": utc_text(info.start_time),
        "end_time": utc_text(info.end_time),
        "run_name": info.run_name,
        "user_id": info.user_id,
        "lifecycle_stage": info.lifecycle_stage,
        **{f"metrics.{key}": value for key, value in data.metrics.items()},
        **{f"params.{key}": value for key, value in data.params.items()},
        **{f"tags.{key}": value for key, value in data.tags.items()},
    }


def utc_text(time_ms: int | None) -> str | None:
    """ISO 8601 to the second, UTC; a time beyond the calendar's end stays a number."""
    if time_ms is None:
        return None
    try:
        return datetime.fromtimestamp(time_ms / 1000, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(time_ms)
