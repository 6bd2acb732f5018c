"""What the client hands out: MLflow's entity classes, with its names, fields and argument order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from msgspec import Struct, field, to_builtins

from runebook.core import datasets as core_datasets
from runebook.core import experiments as core_experiments
from runebook.core import logged_models as core_logged_models
from runebook.core import metrics as core_metrics
from runebook.core import runs as core_runs
from runebook.core.errors import InvalidParameterValue
from runebook.core.runs import RunStatus as CoreRunStatus


class Entity(Struct, frozen=True):
    """A value. `dict(entity)` gives its fields, `to_dictionary()` the same all the way down."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return ((name, getattr(self, name)) for name in self.__struct_fields__)

    def to_dictionary(self) -> dict[str, Any]:
        fields: dict[str, Any] = to_builtins(self)
        return fields


class ViewType:
    """Which lifecycle stages a search looks at."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3

    @staticmethod
    def from_string(view: str) -> int:
        number: int = getattr(ViewType, view.upper(), 0) if not view.startswith("_") else 0
        return _known(number, view, "view type")

    @staticmethod
    def to_string(view_type: int) -> str:
        return core_view(view_type).value.lower()


def core_view(view: int | str) -> core_experiments.ViewType:
    """Raises InvalidParameterValue: the number or name stands for no view."""
    views = list(core_experiments.ViewType)
    try:
        return core_experiments.ViewType(view.upper()) if isinstance(view, str) else views[range(1, 4).index(view)]
    except ValueError:
        raise InvalidParameterValue(f"Not a valid view type: {view!r}. Use ViewType.ACTIVE_ONLY, for one.") from None


def _known(number: int, given: object, what: str) -> int:
    if not number:
        raise InvalidParameterValue(f"Not a valid {what}: {given!r}.")
    return number


class RunStatus:
    """Numbers of run statuses; a run itself carries the name (`run.info.status == "FINISHED"`)."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5

    @staticmethod
    def from_string(status_str: str) -> int:
        return core_status(status_str).number

    @staticmethod
    def to_string(status: int) -> str:
        return core_status(status).value

    @staticmethod
    def is_terminated(status: int) -> bool:
        return core_status(status).is_terminated

    @staticmethod
    def all_status() -> list[int]:
        return [status.number for status in CoreRunStatus]


def core_status(status: int | str) -> CoreRunStatus:
    """Raises InvalidParameterValue: the number or name stands for no status."""
    try:
        return CoreRunStatus(status) if isinstance(status, str) else CoreRunStatus.from_number(status)
    except (ValueError, KeyError):
        raise InvalidParameterValue(
            f"Not a valid run status: {status!r}. Use one of {', '.join(known.value for known in CoreRunStatus)}."
        ) from None


class SourceType:
    """What started a run."""

    NOTEBOOK = 1
    JOB = 2
    PROJECT = 3
    LOCAL = 4
    UNKNOWN = 5


class LifecycleStage:
    """Active, or in the trash."""

    ACTIVE = "active"
    DELETED = "deleted"


class LoggedModelStatus(str, Enum):
    """Whether a logged model's files are there."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"

    def __str__(self) -> str:
        return self.value


class _KeyValue(Entity, frozen=True):
    key: str
    value: str


class Param(_KeyValue, frozen=True):
    """A setting of a run."""


class RunTag(_KeyValue, frozen=True):
    """A tag of a run."""


class ExperimentTag(_KeyValue, frozen=True):
    """A tag of an experiment."""


class InputTag(_KeyValue, frozen=True):
    """A tag of a dataset as one run used it."""


class LoggedModelParameter(_KeyValue, frozen=True):
    """A setting of a logged model."""


class LoggedModelTag(_KeyValue, frozen=True):
    """A tag of a logged model."""


class FileInfo(Entity, frozen=True):
    """A file or folder below an artifact root; folders have no size."""

    path: str
    is_dir: bool
    file_size: int | None = None


class Metric(Entity, frozen=True):
    """One point of a metric."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None

    @classmethod
    def of(cls, record: core_metrics.Metric) -> Metric:
        return cls(
            record.key,
            record.value,
            record.timestamp,
            record.step,
            record.model_id,
            record.dataset_name,
            record.dataset_digest,
            record.run_id,
        )


class Experiment(Entity, frozen=True):
    """A named set of runs."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    tags: dict[str, str] = {}
    creation_time: int | None = None
    last_update_time: int | None = None
    workspace: str | None = "default"

    @classmethod
    def of(cls, record: core_experiments.Experiment) -> Experiment:
        return cls(
            record.experiment_id,
            record.name,
            record.artifact_location,
            record.lifecycle_stage.value,
            {tag.key: tag.value for tag in record.tags},
            record.creation_time,
            record.last_update_time,
        )


class Dataset(Entity, frozen=True):
    """A dataset by name and digest; source, schema and profile are JSON texts."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Entity, frozen=True):
    """A dataset as one run used it."""

    dataset: Dataset
    tags: Sequence[InputTag] = []

    @classmethod
    def of(cls, record: core_datasets.DatasetInput) -> DatasetInput:
        read = record.dataset
        dataset = Dataset(read.name, read.digest, read.source_type, read.source, read.schema, read.profile)
        return cls(dataset, [InputTag(tag.key, tag.value) for tag in record.tags])


class LoggedModelInput(Entity, frozen=True):
    """A logged model that a run read."""

    model_id: str


class LoggedModelOutput(Entity, frozen=True):
    """A logged model that a run wrote, at a step."""

    model_id: str
    step: int = 0


class RunInfo(Entity, frozen=True):
    """What a run is, without what it logged."""

    run_id: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    lifecycle_stage: str
    artifact_uri: str | None = None
    run_name: str | None = None

    @classmethod
    def of(cls, record: core_runs.RunInfo) -> RunInfo:
        return cls(
            record.run_id,
            record.experiment_id,
            record.user_id,
            record.status.value,
            record.start_time,
            record.end_time,
            record.lifecycle_stage.value,
            record.artifact_uri,
            record.run_name,
        )


class RunData(Entity, frozen=True):
    """What a run logged: of each metric the last value."""

    metrics: dict[str, float] = {}
    params: dict[str, str] = {}
    tags: dict[str, str] = {}

    @classmethod
    def of(cls, record: core_runs.RunData) -> RunData:
        return cls(
            {metric.key: metric.value for metric in record.metrics},
            {param.key: param.value for param in record.params},
            {tag.key: tag.value for tag in record.tags},
        )


class RunInputs(Entity, frozen=True):
    """What a run read."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[LoggedModelInput] = []


class RunOutputs(Entity, frozen=True):
    """What a run wrote."""

    model_outputs: list[LoggedModelOutput] = []


class Run(Entity, frozen=True):
    """A run with all that it logged."""

    info: RunInfo
    data: RunData = field(default_factory=RunData)
    inputs: RunInputs = field(default_factory=RunInputs)
    outputs: RunOutputs = field(default_factory=RunOutputs)

    @classmethod
    def of(cls, record: core_runs.Run) -> Run:
        return cls(
            RunInfo.of(record.info),
            RunData.of(record.data),
            RunInputs(
                [DatasetInput.of(read) for read in record.inputs.dataset_inputs],
                [LoggedModelInput(read.model_id) for read in record.inputs.model_inputs],
            ),
            RunOutputs([LoggedModelOutput(made.model_id, made.step) for made in record.outputs.model_outputs]),
        )


class LoggedModel(Entity, frozen=True):
    """A model as one run made it."""

    experiment_id: str
    model_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str | None = None
    source_run_id: str | None = None
    status: LoggedModelStatus = LoggedModelStatus.READY
    status_message: str | None = None
    tags: dict[str, str] = {}
    params: dict[str, str] = {}
    metrics: list[Metric] = []

    @property
    def model_uri(self) -> str:
        return f"models:/{self.model_id}"

    @classmethod
    def of(cls, record: core_logged_models.LoggedModel) -> LoggedModel:
        info, data = record.info, record.data
        return cls(
            info.experiment_id,
            info.model_id,
            info.name,
            info.artifact_uri,
            info.creation_timestamp_ms,
            info.last_updated_timestamp_ms,
            info.model_type or None,
            info.source_run_id or None,
            LoggedModelStatus[info.status.name],
            info.status_message,
            {tag.key: tag.value for tag in info.tags},
            {param.key: param.value for param in data.params},
            [Metric.of(metric) for metric in data.metrics],
        )
