"""Runs: one training, with all that it logged."""

from __future__ import annotations

from enum import Enum

from msgspec import field

from runebook.core.datasets import DatasetInput, ModelInput, ModelOutput
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import ExperimentId, RunId
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.records import Record
from runebook.core.tags import Tag


class RunStatus(str, Enum):
    """Where a run stands. The numbers are those of MLflow's files and protocol."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def number(self) -> int:
        return _STATUS_NUMBERS[self]

    @classmethod
    def from_number(cls, number: int) -> RunStatus:
        """Raises KeyError for a number that stands for nothing."""
        return _STATUS_BY_NUMBER[number]

    @property
    def is_terminated(self) -> bool:
        return self in {RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED}


_STATUS_NUMBERS = {status: number for number, status in enumerate(RunStatus, start=1)}
_STATUS_BY_NUMBER = {number: status for status, number in _STATUS_NUMBERS.items()}


class RunInfo(Record):
    """What a run is, without what it logged. `run_uuid` repeats `run_id` for older clients."""

    run_id: RunId
    run_uuid: str
    experiment_id: ExperimentId
    run_name: str
    user_id: str
    status: RunStatus
    start_time: int
    artifact_uri: str
    lifecycle_stage: LifecycleStage
    end_time: int | None = None


class RunData(Record):
    """What a run logged: each metric's last point, each param, each tag; in the order of their keys."""

    metrics: list[Metric] = []
    params: list[Param] = []
    tags: list[Tag] = []


class RunInputs(Record):
    """What a run read."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelInput] = []


class RunOutputs(Record):
    """What a run wrote."""

    model_outputs: list[ModelOutput] = []


class Run(Record):
    """A run with all that lists and pages show of it."""

    info: RunInfo
    data: RunData = field(default_factory=RunData)
    inputs: RunInputs = field(default_factory=RunInputs)
    outputs: RunOutputs = field(default_factory=RunOutputs)  # always written; MLflow leaves it out of a new run's reply
