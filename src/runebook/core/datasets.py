"""Datasets that runs took in, known by name and digest."""

from __future__ import annotations

from runebook.core.ids import ExperimentId, ModelId
from runebook.core.records import Int64, Record, shown_zero
from runebook.core.tags import Tag


class Dataset(Record):
    """A dataset by name and digest. Source, schema and profile are JSON texts of the client's."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Record):
    """A dataset as one run used it; the tag `mlflow.data.context` says for what."""

    dataset: Dataset
    tags: list[Tag] = []


class ModelInput(Record):
    """A logged model that a run read."""

    model_id: ModelId


class ModelOutput(Record):
    """A logged model that a run wrote, at a step."""

    model_id: ModelId
    step: Int64 = shown_zero()


class DatasetSummary(Record):
    """One dataset of an experiment and one context in which its runs used it."""

    experiment_id: ExperimentId
    name: str
    digest: str
    context: str | None = None
