"""What runs logged, for a page of runs at once: a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from runebook.core.datasets import Dataset, DatasetInput, ModelInput, ModelOutput
from runebook.core.ids import ModelId
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.runs import RunData, RunInputs, RunOutputs
from runebook.core.tags import Tag
from runebook.storage.sql.session import Session
from runebook.storage.sql.values import Stored

_METRICS = (
    "SELECT s.run, n.name, s.last_kind, s.last_value, s.last_time, s.last_step"
    " FROM metric_summaries s JOIN names n ON n.id = s.name_id WHERE s.run IN (:values)"
)
_PARAMS = "SELECT p.run, n.name, p.value FROM params p JOIN names n ON n.id = p.name_id WHERE p.run IN (:values)"
_TAGS = "SELECT t.run, n.name, t.value FROM tags t JOIN names n ON n.id = t.name_id WHERE t.run IN (:values)"
_DATASETS = (
    'SELECT i.run, i.id, d.name, d.digest, d.source_type, d.source, d."schema", d.profile'
    " FROM inputs i JOIN datasets d ON d.id = i.dataset_id WHERE i.run IN (:values)"
)
_INPUT_TAGS = (
    "SELECT t.input_id, t.tag_key, t.tag_value FROM input_tags t JOIN inputs i ON i.id = t.input_id"
    " WHERE i.run IN (:values)"
)
_MODEL_INPUTS = "SELECT run, id, model_id FROM model_inputs WHERE run IN (:values)"
_MODEL_OUTPUTS = "SELECT run, id, model_id, step FROM model_outputs WHERE run IN (:values)"


class RunContents:
    """Everything of some runs, read when this is made; runs are the integers of rows."""

    def __init__(self, db: Session, runs: Sequence[int]) -> None:
        self._metrics: dict[int, list[Metric]] = defaultdict(list)
        self._params: dict[int, list[Param]] = defaultdict(list)
        self._tags: dict[int, list[Tag]] = defaultdict(list)
        for run, key, kind, number, time, step in db.fetch_in(_METRICS, runs):
            value = Stored(kind, number).value
            self._metrics[run].append(Metric(key=key, value=value, timestamp=time, step=step))
        for run, key, value in db.fetch_in(_PARAMS, runs):
            self._params[run].append(Param(key=key, value=value))
        for run, key, value in db.fetch_in(_TAGS, runs):
            self._tags[run].append(Tag(key=key, value=value))
        self._datasets = _datasets(db, runs)
        self._model_inputs: dict[int, list[ModelInput]] = defaultdict(list)
        for run, _, model_id in sorted(db.fetch_in(_MODEL_INPUTS, runs)):
            self._model_inputs[run].append(ModelInput(model_id=ModelId(model_id)))
        self._model_outputs: dict[int, list[ModelOutput]] = defaultdict(list)
        for run, _, model_id, step in sorted(db.fetch_in(_MODEL_OUTPUTS, runs)):
            self._model_outputs[run].append(ModelOutput(model_id=ModelId(model_id), step=step))

    def data(self, run: int) -> RunData:
        """In the order of keys."""
        return RunData(
            metrics=sorted(self._metrics[run], key=lambda metric: metric.key),
            params=sorted(self._params[run], key=lambda param: param.key),
            tags=sorted(self._tags[run], key=lambda tag: tag.key),
        )

    def inputs(self, run: int) -> RunInputs:
        """In the order they were logged in."""
        return RunInputs(dataset_inputs=self._datasets[run], model_inputs=self._model_inputs[run])

    def outputs(self, run: int) -> RunOutputs:
        return RunOutputs(model_outputs=self._model_outputs[run])


def _datasets(db: Session, runs: Sequence[int]) -> dict[int, list[DatasetInput]]:
    rows = sorted(db.fetch_in(_DATASETS, runs), key=lambda row: row[1])
    tags: dict[int, list[Tag]] = defaultdict(list)
    if rows:
        for input_id, key, value in sorted(db.fetch_in(_INPUT_TAGS, runs)):
            tags[input_id].append(Tag(key=key, value=value))
    found: dict[int, list[DatasetInput]] = defaultdict(list)
    for run, input_id, name, digest, source_type, source, schema, profile in rows:
        dataset = Dataset(
            name=name, digest=digest, source_type=source_type, source=source, schema=schema, profile=profile
        )
        found[run].append(DatasetInput(dataset=dataset, tags=tags[input_id]))
    return found
