"""Runs as the search cases describe them, and as the evaluator reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from runebook.search.evaluate import DatasetFacts, MetricFacts


class RunCase(msgspec.Struct, frozen=True):
    """One run to be logged. Metric values are logged at the steps 0, 1, 2, ... in order."""

    run_id: str
    run_name: str = "trial"
    user_id: str = "ada"
    status: str = "FINISHED"
    start_time: int = 1000
    end_time: int | None = 2000
    lifecycle_stage: Literal["active", "deleted"] = "active"
    metrics: dict[str, list[float]] = {}
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    datasets: list[DatasetFacts] = []


def facts_of(values: Sequence[float]) -> MetricFacts:
    """The summary of values in the order of their steps."""
    numbers = [value for value in values if not math.isnan(value)] or [math.nan]
    return MetricFacts(last=values[-1], min=min(numbers), max=max(numbers), first=values[0], count=len(values))


class RunCaseRecord:
    """A `Record` over a `RunCase`."""

    def __init__(self, case: RunCase, experiment_id: int = 0) -> None:
        self.case = case
        self.experiment_id = experiment_id

    def attribute(self, name: str) -> str | int | None:
        case = self.case
        if name == "experiment_id":
            return self.experiment_id
        if name == "duration":
            return None if case.end_time is None else case.end_time - case.start_time
        if name == "artifact_uri":
            return f"file:///artifacts/{case.run_id}"
        value: str | int | None = getattr(case, name)
        return value

    def metric(
        self, key: str, dataset_name: str | None = None, dataset_digest: str | None = None
    ) -> MetricFacts | None:
        del dataset_name, dataset_digest
        values = self.case.metrics.get(key)
        return facts_of(values) if values else None

    def param(self, key: str) -> str | None:
        return self.case.params.get(key)

    def tag(self, key: str) -> str | None:
        return self.case.tags.get(key)

    def datasets(self) -> Sequence[DatasetFacts]:
        return self.case.datasets
