"""Where Runebook answers plain HTTP otherwise than MLflow does, and why."""

from __future__ import annotations

from typing import Any

from .comparison import Deviation

WIRE_DEVIATIONS: dict[str, Deviation] = {}


def follows_a_rule(question: str, mlflow: Any, runebook: Any) -> bool:
    """Whether the answers differ by one of the three rules that need no list."""
    refused = runebook["status"] == 400 and runebook.get("error_code") == "INVALID_PARAMETER_VALUE"
    if question.startswith("spoiled:") and refused and mlflow["status"] in (200, 500):
        # MLflow drops a field of a wrong type, and whatever follows it, or breaks down; Runebook writes nothing.
        return True
    if mlflow == {"status": 500} and refused:
        # MLflow breaks down over the request; Runebook says what is wrong with it.
        return True
    # MLflow answers with a page for people; Runebook with the same status and an error that programs can read.
    return bool(mlflow["status"] >= 400 and mlflow == {"status": runebook["status"]} and runebook.get("error_code"))
