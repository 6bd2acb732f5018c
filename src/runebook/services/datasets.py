"""Use cases of what runs read and wrote."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.api.datasets import LogInputs, LogOutputs
from runebook.api.operation import Nothing
from runebook.core.dataset_checks import check_inputs, check_outputs
from runebook.core.datasets import ModelOutput
from runebook.core.errors import InvalidParameterValue
from runebook.services.context import Context
from runebook.services.handlers import handles
from runebook.services.run_rules import active_run
from runebook.storage.base import Transaction


@handles(LogInputs)
def log_inputs(tx: Transaction, request: LogInputs, context: Context) -> Nothing:
    check_inputs(request.datasets, request.models)
    active_run(tx, request.run_id)
    tx.datasets.log_inputs(request.run_id, request.datasets, request.models)
    return Nothing()


@handles(LogOutputs)
def log_outputs(tx: Transaction, request: LogOutputs, context: Context) -> Nothing:
    check_outputs(request.models, "models")
    active_run(tx, request.run_id)
    add_outputs(tx, request.run_id, request.models)
    return Nothing()


def add_outputs(tx: Transaction, run_id: str, models: Sequence[ModelOutput]) -> None:
    """Add outputs that were checked.

    A model is an output of a run at one step; one that is there at another step stays there.

    Raises:
        InvalidParameterValue: that is so; the other outputs are added.
    """
    tx.datasets.log_outputs(run_id, models)
    steps = {output.model_id: output.step for output in tx.runs.get(run_id).outputs.model_outputs}
    for model in models:
        if steps[model.model_id] != model.step:
            raise InvalidParameterValue(
                f"Model {model.model_id} is an output of run {run_id} at step {steps[model.model_id]} already; "
                f"it cannot be one at step {model.step} too."
            )
