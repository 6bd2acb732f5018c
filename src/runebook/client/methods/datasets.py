"""Methods on what runs read and wrote."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.client.entities import DatasetInput, LoggedModelInput, LoggedModelOutput
from runebook.client.methods.base import Methods
from runebook.client.values import whole_number
from runebook.core import datasets as core_datasets
from runebook.core.ids import ModelId, RunId
from runebook.core.tags import Tag


class DatasetMethods(Methods):
    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """A dataset that the run has already is left as it is, its tags too."""
        self.log.inputs(
            RunId(run_id),
            [_record(read) for read in datasets or []],
            [core_datasets.ModelInput(model_id=ModelId(read.model_id)) for read in models or []],
        )

    def log_outputs(self, run_id: str, models: list[LoggedModelOutput]) -> None:
        made = [
            core_datasets.ModelOutput(model_id=ModelId(model.model_id), step=whole_number("step", model.step))
            for model in models
        ]
        self.log.outputs(RunId(run_id), made)


def _record(read: DatasetInput) -> core_datasets.DatasetInput:
    dataset = core_datasets.Dataset(
        name=read.dataset.name,
        digest=read.dataset.digest,
        source_type=read.dataset.source_type,
        source=read.dataset.source,
        schema=read.dataset.schema,
        profile=read.dataset.profile,
    )
    return core_datasets.DatasetInput(
        dataset=dataset, tags=[Tag(key=tag.key, value=str(tag.value)) for tag in read.tags or []]
    )
