"""Operations on what runs read and wrote: datasets, and logged models as inputs and outputs."""

from __future__ import annotations

from runebook.api.operation import Nothing, Operation
from runebook.api.permissions import edit
from runebook.core.datasets import DatasetInput, ModelInput, ModelOutput
from runebook.core.ids import RunId


class LogInputs(Operation, verb="POST", path="runs/log-inputs", needs=edit("run_id")):
    """Say which datasets and models a run reads. A dataset that the run has already is left as it is."""

    run_id: RunId
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []

    Reply = Nothing


class LogOutputs(Operation, verb="POST", path="runs/outputs", needs=edit("run_id")):
    """Say which models a run wrote, and at which steps."""

    run_id: RunId
    models: list[ModelOutput]

    Reply = Nothing
