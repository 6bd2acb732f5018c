"""Tags of the active run."""

from __future__ import annotations

from typing import Any

from runebook.client.fluent.runs import run_tags, target
from runebook.client.methods.tags import refuse_immutable
from runebook.client.run_operations import RunOperations


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag, or change its value; `mlflow.runName` also renames the run."""
    client, run_id = target(None)
    return client.set_tag(run_id, key, value, synchronous)


def set_tags(tags: dict[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """All or nothing, up to 100; more go in several batches."""
    client, run_id = target(None)
    marks = run_tags(tags)
    for tag in marks:
        refuse_immutable(tag.key)
    return client.log_batch(run_id, tags=marks, synchronous=synchronous)


def delete_tag(key: str) -> None:
    """Raises NotFound: the run has no such tag."""
    client, run_id = target(None)
    client.delete_tag(run_id, key)
