"""What runs read and wrote: datasets, and logged models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runebook.core.datasets import DatasetInput, DatasetSummary, ModelInput, ModelOutput
from runebook.core.ids import ExperimentId
from runebook.core.tags import DATA_CONTEXT
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.references import References, RunReference, experiment_number
from runebook.storage.sql.session import Session

DATASETS = Rows("datasets", ("experiment_id", "name", "digest"), ("source_type", "source", "schema", "profile"))
INPUTS = Rows("inputs", ("run", "dataset_id"))
INPUT_TAGS = Rows("input_tags", ("input_id", "tag_key"), ("tag_value",))
MODEL_INPUTS = Rows("model_inputs", ("run", "model_id"))
MODEL_OUTPUTS = Rows("model_outputs", ("run", "model_id"), ("step",))


class SqlDatasetStore:
    """See `DatasetStore`. Inputs and outputs keep the order they were logged in."""

    def __init__(self, db: Session, references: References) -> None:
        self._db = db
        self._references = references

    def log_inputs(self, run_id: str, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None:
        run = self._references.locked_run(run_id)
        if datasets:
            self._add_datasets(run, datasets)
        self._add_models(MODEL_INPUTS, run, {model.model_id: () for model in models})

    def log_outputs(self, run_id: str, models: Sequence[ModelOutput]) -> None:
        run = self._references.locked_run(run_id)
        firsts: dict[str, tuple[int, ...]] = {}
        for model in models:
            firsts.setdefault(model.model_id, (model.step,))
        self._add_models(MODEL_OUTPUTS, run, firsts)

    def summaries(self, experiment_ids: Sequence[str], max_results: int) -> list[DatasetSummary]:
        rows = self._db.fetch_in(
            "SELECT d.experiment_id, d.name, d.digest, t.tag_value FROM datasets d"
            " JOIN inputs i ON i.dataset_id = d.id JOIN runs r ON r.id = i.run AND r.lifecycle_stage = 0"
            " LEFT JOIN input_tags t ON t.input_id = i.id AND t.tag_key = :context"
            " WHERE d.experiment_id IN (:values) GROUP BY d.experiment_id, d.name, d.digest, t.tag_value",
            [experiment_number(experiment_id) for experiment_id in experiment_ids],
            context=DATA_CONTEXT,
        )
        rows.sort(key=lambda row: (row[1], row[2], row[0], row[3] is not None, row[3]))
        return [
            DatasetSummary(experiment_id=ExperimentId(str(number)), name=name, digest=digest, context=context)
            for number, name, digest, context in rows[:max_results]
        ]

    def _add_models(self, table: Rows, run: RunReference, models: Mapping[str, tuple[int, ...]]) -> None:
        """Add the models that the run does not have, in the order given."""
        rows = self._db.fetch_in(
            f"SELECT model_id FROM {table.table} WHERE run = :run AND model_id IN (:values)", models, run=run.id
        )
        there = {row[0] for row in rows}
        new = [(run.id, model_id, *others) for model_id, others in models.items() if model_id not in there]
        self._db.insert(table, new)

    def _add_datasets(self, run: RunReference, inputs: Sequence[DatasetInput]) -> None:
        """Add the inputs that the run does not have, in the order given."""
        ids = self._dataset_ids(run.experiment_id, inputs)
        there = self._input_ids(run, ids.values())
        new: dict[int, DatasetInput] = {}
        for given in inputs:
            dataset_id = ids[given.dataset.name, given.dataset.digest]
            if dataset_id not in there:
                new.setdefault(dataset_id, given)
        self._db.insert(INPUTS, [(run.id, dataset_id) for dataset_id in new])
        input_ids = self._input_ids(run, new)
        tags = [(input_ids[dataset_id], tag.key, tag.value) for dataset_id, given in new.items() for tag in given.tags]
        self._db.upsert(INPUT_TAGS, tags)

    def _dataset_ids(self, experiment: int, inputs: Sequence[DatasetInput]) -> dict[tuple[str, str], int]:
        """Ids by name and digest; datasets that the experiment lacks are added."""
        datasets = list(
            {(given.dataset.name, given.dataset.digest): given.dataset for given in reversed(inputs)}.values()
        )
        self._db.insert_missing(
            DATASETS,
            [(experiment, d.name, d.digest, d.source_type, d.source, d.schema, d.profile) for d in datasets],
        )
        rows = self._db.fetch_in(
            "SELECT name, digest, id FROM datasets WHERE experiment_id = :experiment AND name IN (:values)",
            [dataset.name for dataset in datasets],
            experiment=experiment,
        )
        return {(name, digest): dataset_id for name, digest, dataset_id in rows}

    def _input_ids(self, run: RunReference, dataset_ids: Iterable[int]) -> dict[int, int]:
        rows = self._db.fetch_in(
            "SELECT dataset_id, id FROM inputs WHERE run = :run AND dataset_id IN (:values)", dataset_ids, run=run.id
        )
        return {row[0]: row[1] for row in rows}
