"""Frames: what the writers of runs ship, in columns. Runebook's own way in; `docs/reference/frames.md` describes it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from runebook.api.operation import Family, Operation
from runebook.api.permissions import edit
from runebook.core.datasets import DatasetInput, ModelInput, ModelOutput
from runebook.core.ids import RunId
from runebook.core.params import Param
from runebook.core.records import Int64, Record, TimeMs
from runebook.core.runs import RunStatus
from runebook.core.tags import Tag

ColumnBytes = Annotated[bytes, Meta(description="Numbers of 8 bytes, little-endian, one after the other.")]


class RunStart(Record):
    """What makes the run when the store does not have it yet: it was started away from the store."""

    start_time: TimeMs
    experiment_id: str | None = None
    experiment_name: str | None = None
    """Instead of an id; the experiment is made when there is none of this name."""
    run_name: str | None = None
    user_id: str = ""
    tags: list[Tag] = []


class SeriesPart(Record):
    """Points of one metric. The columns are of one length: int64 steps, int64 times (ms), float64 values."""

    key: str
    steps: ColumnBytes
    times: ColumnBytes
    values: ColumnBytes
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class RunPart(Record):
    """What a frame holds of one run."""

    run_id: RunId
    start: RunStart | None = None
    params: list[Param] = []
    tags: list[Tag] = []
    series: list[SeriesPart] = []
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []
    outputs: list[ModelOutput] = []
    lease_ms: Int64 | None = None
    """The writer is at work on the run, and will say so again within this time. A run whose writers have all been
    silent for three times as long is ended; a frame that comes after all opens it again."""
    status: RunStatus | None = None
    end_time: TimeMs | None = None
    leaves: bool = False
    """The writer is done with a run that it shares: the status counts once no other writer is at work on it, and then
    the worst that a writer said when it left: FAILED, then KILLED, then FINISHED."""


class Refusal(Record):
    """Something in a frame that the store does not take. The rest of the frame was taken."""

    run_id: str
    error_code: str
    message: str
    param: Param | None = None
    """The param that was refused; otherwise it is all that the frame holds of the run, or what the message says."""


class LogFrame(Operation, verb="POST", path="frames/log", family=Family.RUNEBOOK, needs=edit("runs"), binary=True):
    """Add all that one writer logged from its record `first` to its record `last`, exactly once.

    A writer numbers its records from 1 and ships them in order. A frame that begins behind what the store has of the
    writer is added; one that begins within it is not, and the reply says how far the store has come.
    """

    writer: str
    first: Int64
    last: Int64
    runs: list[RunPart] = []

    class Reply(Record):
        acknowledged: Int64
        """The last of the writer's records that the store has. If the frame goes on behind it: cut it there."""
        refused: list[Refusal] = []
