"""Logged models: a model as one run made it, before and beside its registration."""

from __future__ import annotations

from enum import Enum

from msgspec import field

from runebook.core.ids import ExperimentId, ModelId
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.records import Record
from runebook.core.tags import Tag


class LoggedModelStatus(str, Enum):
    """Whether a logged model's files are there. The numbers are those of MLflow's files."""

    UNSPECIFIED = "LOGGED_MODEL_STATUS_UNSPECIFIED"
    PENDING = "LOGGED_MODEL_PENDING"
    READY = "LOGGED_MODEL_READY"
    FAILED = "LOGGED_MODEL_UPLOAD_FAILED"

    @property
    def number(self) -> int:
        return list(LoggedModelStatus).index(self)

    @classmethod
    def from_number(cls, number: int) -> LoggedModelStatus:
        return list(LoggedModelStatus)[number]


class ModelRegistration(Record):
    """A registered model's version that came of a logged model."""

    name: str
    version: str


class LoggedModelInfo(Record):
    """What a logged model is."""

    model_id: ModelId
    experiment_id: ExperimentId
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: LoggedModelStatus
    model_type: str | None = None
    source_run_id: str | None = None
    status_message: str | None = None
    tags: list[Tag] = []
    registrations: list[ModelRegistration] = []


class LoggedModelData(Record):
    """What is known of a logged model's making and quality."""

    params: list[Param] = []
    metrics: list[Metric] = []


class LoggedModel(Record):
    """A logged model."""

    info: LoggedModelInfo
    data: LoggedModelData = field(default_factory=LoggedModelData)
