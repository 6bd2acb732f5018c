"""Params of the active run."""

from __future__ import annotations

from typing import Any

from runebook.client.entities import Param
from runebook.client.fluent.runs import target
from runebook.client.run_operations import RunOperations
from runebook.client.values import items_of, key_text


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:  # MLflow's signature
    """Returns the value. Raises InvalidParameterValue: the run has this param with another value."""
    client, run_id = target(None)
    return client.log_param(run_id, key, value, synchronous)


def log_params(
    params: dict[str, Any],
    synchronous: bool | None = None,  # MLflow's signature
    run_id: str | None = None,
) -> RunOperations | None:
    """All or nothing, up to 100; more go in several batches."""
    client, logged_to = target(run_id)
    settings = [Param(key_text(key), str(value)) for key, value in items_of("params", params)]
    return client.log_batch(logged_to, params=settings, synchronous=synchronous)
