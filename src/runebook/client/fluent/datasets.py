"""What the active run reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runebook.client.data import dataset_entity
from runebook.client.entities import DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput
from runebook.client.fluent.runs import current_or_new_run
from runebook.core.errors import InvalidParameterValue
from runebook.core.tags import DATA_CONTEXT


def log_input(
    dataset: Any = None,
    context: str | None = None,
    tags: dict[str, str] | None = None,
    model: LoggedModelInput | None = None,
) -> None:
    """Say what the run reads: a dataset (`runebook.data`, or MLflow's), for what (`context`), or a logged model."""
    log_inputs([dataset] if dataset is not None else [], [context], [tags], [model])


def log_inputs(
    datasets: Sequence[Any] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[dict[str, str] | None] | None = None,
    models: Sequence[LoggedModelInput | None] | None = None,
) -> None:
    """As `log_input`, for many. Contexts and tags belong to the dataset of the same position."""
    given = list(datasets or [])
    for name, others in (("contexts", contexts), ("tags_list", tags_list)):
        if others and given and len(others) != len(given):
            raise InvalidParameterValue(f"{name!r} must have one entry for each of the {len(given)} datasets.")
    inputs = [
        DatasetInput(
            dataset_entity(dataset),
            _input_tags(contexts[number] if contexts else None, tags_list[number] if tags_list else None),
        )
        for number, dataset in enumerate(given)
        if dataset is not None
    ]
    run = current_or_new_run()
    run.client.log_inputs(run.run_id, inputs, [model for model in models or [] if model is not None])


def log_outputs(models: list[LoggedModelOutput] | None = None) -> None:
    """Say which logged models the run wrote, and at which steps; its metrics of those steps belong to them."""
    run = current_or_new_run()
    made = models or []
    run.client.log_outputs(run.run_id, made)
    run.make_slow()
    for model in made:
        run.outputs_by_step.setdefault(model.step, []).append(model.model_id)


def _input_tags(context: str | None, tags: dict[str, str] | None) -> list[InputTag]:
    found = [InputTag(key, str(value)) for key, value in (tags or {}).items()]
    return [*found, InputTag(DATA_CONTEXT, context)] if context else found
