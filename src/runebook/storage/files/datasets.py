"""What runs read and wrote: a folder an input or output in the run's, and a folder a dataset in the experiment's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runebook.core.datasets import Dataset, DatasetInput, DatasetSummary, ModelInput, ModelOutput
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import ExperimentId, ModelId
from runebook.core.runs import RunInputs, RunOutputs
from runebook.core.tags import DATA_CONTEXT, Tag
from runebook.search.evaluate import DatasetFacts
from runebook.storage.files import run_folders
from runebook.storage.files.layout import (
    check_experiment_id,
    dataset_id,
    input_id,
    is_model_id,
    meta,
    unambiguous_dataset_id,
)
from runebook.storage.files.view import View, known
from runebook.storage.files.yaml_files import Meta, optional_text, text_of


class DatasetFiles:
    """The DatasetStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def log_inputs(self, run_id: str, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None:
        folder = self._view.run(run_id)
        for each in datasets:
            tags = {tag.key: tag.value for tag in each.tags}
            self._put_input(folder, self._put_dataset(folder, each.dataset), "DATASET", tags)
        for model in models:
            self._put_input(folder, model.model_id, "MODEL", {})

    def log_outputs(self, run_id: str, models: Sequence[ModelOutput]) -> None:
        run = self._view.run(run_id)
        for model in models:
            name = model.model_id if is_model_id(model.model_id) else input_id(model.model_id, run_id)
            folder = f"{run}/outputs/{name}"
            if self._view.files.is_file(meta(folder)):
                continue
            self._view.write_meta(
                folder,
                {
                    "destination_id": str(model.model_id),
                    "destination_type": "MODEL_OUTPUT",
                    "source_id": str(model.model_id),
                    "source_type": "RUN_OUTPUT",
                    "step": model.step,
                    "tags": {},
                },
            )

    def summaries(self, experiment_ids: Sequence[str], max_results: int) -> list[DatasetSummary]:
        found: set[tuple[str, str, str, str | None]] = set()
        for experiment_id in experiment_ids:
            folder = self._view.find_experiment(check_experiment_id(experiment_id))
            for run in run_folders.all_runs(self._view, folder) if folder else ():
                if run.info.lifecycle_stage is LifecycleStage.ACTIVE:
                    for fact in facts(self._view, run.folder):
                        found.add((experiment_id, fact.name or "", fact.digest or "", fact.context))
        ordered = sorted(found, key=lambda each: (each[1], each[2], each[3] or "", each[0]))
        return [
            DatasetSummary(experiment_id=ExperimentId(experiment_id), name=name, digest=digest, context=context)
            for experiment_id, name, digest, context in ordered[:max_results]
        ]

    def _put_dataset(self, run: str, dataset: Dataset) -> str:
        """Write a dataset unless the experiment has it. Returns its id."""
        experiment = run.rpartition("/")[0]
        for made in (dataset_id, unambiguous_dataset_id):
            chosen = made(dataset.name, dataset.digest)
            folder = f"{experiment}/datasets/{chosen}"
            present = self._view.meta(folder)
            if present is None:
                break
            if (text_of(present, "name", ""), text_of(present, "digest", "")) == (dataset.name, dataset.digest):
                return chosen
        self._view.write_meta(
            folder,
            {
                "digest": dataset.digest,
                "name": dataset.name,
                "profile": dataset.profile,
                "schema": dataset.schema,
                "source": dataset.source,
                "source_type": dataset.source_type,
            },
        )
        return chosen

    def _put_input(self, run: str, source_id: str, source_type: str, tags: dict[str, str]) -> None:
        """The destination is the source, not the run: MLflow writes it so."""
        folder = f"{run}/inputs/{input_id(source_id, run.rpartition('/')[2])}"
        if not self._view.files.is_file(meta(folder)):
            content: Meta = {
                "destination_id": str(source_id),
                "destination_type": "RUN",
                "source_id": str(source_id),
                "source_type": source_type,
                "tags": tags,
            }
            self._view.write_meta(folder, content)


def of_run(view: View, run: str) -> tuple[RunInputs, RunOutputs]:
    """What the run of a folder read and wrote: datasets by name and digest, models by id."""
    models = [
        ModelInput(model_id=ModelId(text_of(found, "source_id")))
        for found in _metas(view, f"{run}/inputs")
        if str(found.get("source_type")).startswith("MODEL")
    ]
    outputs = [
        ModelOutput(model_id=ModelId(text_of(found, "destination_id")), step=int(found.get("step") or 0))
        for found in _metas(view, f"{run}/outputs")
    ]
    inputs = RunInputs(
        dataset_inputs=sorted(dataset_inputs(view, run), key=lambda each: (each.dataset.name, each.dataset.digest)),
        model_inputs=sorted(models, key=lambda each: each.model_id),
    )
    return inputs, RunOutputs(model_outputs=sorted(outputs, key=lambda each: (each.model_id, each.step)))


def dataset_inputs(view: View, run: str) -> Iterator[DatasetInput]:
    """The datasets that the run of a folder read, as it used them."""
    experiment = run.rpartition("/")[0]
    for found in _metas(view, f"{run}/inputs"):
        if str(found.get("source_type")) != "DATASET":
            continue
        folder = f"{experiment}/datasets/{found.get('source_id')}"
        content = known(view, folder) if is_model_id(str(found.get("source_id"))) else None
        if content is None:
            continue
        dataset = Dataset(
            name=text_of(content, "name", ""),
            digest=text_of(content, "digest", ""),
            source_type=text_of(content, "source_type", ""),
            source=text_of(content, "source", ""),
            schema=optional_text(content, "schema"),
            profile=optional_text(content, "profile"),
        )
        tags = found.get("tags") or {}
        yield DatasetInput(dataset=dataset, tags=[Tag(key=str(key), value=str(tags[key])) for key in sorted(tags)])


def facts(view: View, run: str) -> list[DatasetFacts]:
    """The datasets of a run as filters ask for them."""
    found = []
    for each in dataset_inputs(view, run):
        context = next((tag.value for tag in each.tags if tag.key == DATA_CONTEXT), None)
        found.append(DatasetFacts(each.dataset.name, each.dataset.digest, context))
    return found


def _metas(view: View, parent: str) -> Iterator[Meta]:
    """The `meta.yaml` of every folder in a folder; a malformed one is logged and passed over."""
    for name, is_folder in view.files.children(parent).items():
        content = known(view, f"{parent}/{name}") if is_folder else None
        if content is not None and content.get("source_id") is not None:
            yield content
