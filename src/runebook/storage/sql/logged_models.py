"""Logged models, their tags, params and metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from runebook.core.errors import AlreadyExists, InvalidParameterValue, NotFound
from runebook.core.ids import ExperimentId, ModelId
from runebook.core.logged_models import LoggedModel, LoggedModelData, LoggedModelInfo, LoggedModelStatus
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.tags import Tag
from runebook.storage.base import LoggedModelQuery, Page
from runebook.storage.sql.dialects import Duplicate, Rows
from runebook.storage.sql.params import LOGGED_MODEL_PARAMS, add_params
from runebook.storage.sql.references import ModelReference, References, experiment_number
from runebook.storage.sql.schema import ACTIVE
from runebook.storage.sql.session import Row, Session
from runebook.storage.sql.tags import LOGGED_MODEL_TAGS, delete_tag, set_tags
from runebook.storage.sql.values import Stored

NEW_LOGGED_MODELS = Rows(
    "logged_models",
    ("model_id",),
    (
        "experiment_id",
        "name",
        "model_type",
        "status",
        "source_run_id",
        "artifact_location",
        "lifecycle_stage",
        "status_message",
        "creation_timestamp_ms",
        "last_updated_timestamp_ms",
    ),
)

_SELECT = (
    "SELECT m.id, m.model_id, m.experiment_id, m.name, m.model_type, m.status, m.source_run_id, m.artifact_location,"
    " m.status_message, m.creation_timestamp_ms, m.last_updated_timestamp_ms FROM logged_models m"
)
_PARAMS = (
    "SELECT p.model, n.name, p.value FROM logged_model_params p JOIN names n ON n.id = p.name_id"
    " WHERE p.model IN (:values)"
)
_TAGS = (
    "SELECT t.model, n.name, t.value FROM logged_model_tags t JOIN names n ON n.id = t.name_id"
    " WHERE t.model IN (:values)"
)
_METRICS = (
    "SELECT DISTINCT m.model, n.name, m.time, m.step, m.kind, m.value, m.run_id, m.dataset_name, m.dataset_digest"
    " FROM logged_model_metrics m JOIN names n ON n.id = m.name_id WHERE m.model IN (:values)"
)


class SqlLoggedModelStore:
    """See `LoggedModelStore`. Metrics come by key, time, step and value."""

    def __init__(self, db: Session, references: References) -> None:
        self._db = db
        self._references = references

    def create(self, info: LoggedModelInfo, params: Sequence[Param]) -> None:
        experiment = experiment_number(info.experiment_id)
        if self._db.fetch_one("SELECT id FROM experiments WHERE id = :id", id=experiment) is None:
            raise NotFound(f"No Experiment with id={info.experiment_id} exists")
        row = (
            info.model_id,
            experiment,
            info.name,
            info.model_type,
            info.status.number,
            info.source_run_id,
            info.artifact_uri,
            ACTIVE,
            info.status_message,
            info.creation_timestamp_ms,
            info.last_updated_timestamp_ms,
        )
        try:
            number = self._db.insert_returning_id(NEW_LOGGED_MODELS, row)
        except Duplicate as error:
            raise AlreadyExists(f"Logged model with ID '{info.model_id}' already exists.") from error
        model = ModelReference(number, experiment)
        set_tags(self._db, self._references, LOGGED_MODEL_TAGS, {model: info.tags})
        self._add_params(info.model_id, model, params)

    def get(self, model_id: str, *, allow_deleted: bool = False) -> LoggedModel:
        stage = "" if allow_deleted else " AND m.lifecycle_stage = 0"
        rows = self._db.fetch(f"{_SELECT} WHERE m.model_id = :model_id{stage}", model_id=model_id)
        if not rows:
            raise NotFound(f"Logged model with ID '{model_id}' not found.")
        return self._whole(rows)[0]

    def existing(self, model_ids: Iterable[str]) -> set[str]:
        return set(self._references.found_models(model_ids))

    def set_status(self, model_id: str, status: LoggedModelStatus, now_ms: int) -> None:
        model = self._touched(model_id, now_ms)
        self._db.execute("UPDATE logged_models SET status = :status WHERE id = :id", status=status.number, id=model.id)

    def delete(self, model_id: str, now_ms: int) -> None:
        deleted = self._db.execute(
            "UPDATE logged_models SET lifecycle_stage = 1, last_updated_timestamp_ms = :now"
            " WHERE model_id = :model_id AND lifecycle_stage = 0",
            model_id=model_id,
            now=now_ms,
        )
        if not deleted:
            self.get(model_id, allow_deleted=True)

    def set_tags(self, model_id: str, tags: Sequence[Tag], now_ms: int) -> None:
        set_tags(self._db, self._references, LOGGED_MODEL_TAGS, {self._touched(model_id, now_ms): tags})

    def delete_tag(self, model_id: str, key: str, now_ms: int) -> None:
        model = self._touched(model_id, now_ms)
        if not delete_tag(self._db, self._references, LOGGED_MODEL_TAGS, model, key):
            raise NotFound(f"No tag with key '{key}' found for model with ID '{model_id}'.")

    def log_params(self, model_id: str, params: Sequence[Param], now_ms: int) -> None:
        self._add_params(model_id, self._touched(model_id, now_ms), params)

    def search(self, experiment_ids: Sequence[str], query: LoggedModelQuery) -> Page[LoggedModel]:
        from runebook.storage.sql import searching  # a process that only logs does not need it

        ids, token = searching.logged_model_ids(self._db, experiment_ids, query)
        rows = {row[0]: row for row in self._db.fetch_in(f"{_SELECT} WHERE m.id IN (:values)", ids)}
        return Page(self._whole([rows[number] for number in ids]), token)

    def _touched(self, model_id: str, now_ms: int) -> ModelReference:
        """Raises NotFound: there is none, or it is deleted."""
        model = self._references.model(model_id)
        self._db.execute(
            "UPDATE logged_models SET last_updated_timestamp_ms = :now WHERE id = :id", now=now_ms, id=model.id
        )
        return model

    def _add_params(self, model_id: str, model: ModelReference, params: Sequence[Param]) -> None:
        conflicts = add_params(self._db, self._references, LOGGED_MODEL_PARAMS, {model: params}).get(model)
        if conflicts:
            param, value = conflicts[0]
            raise InvalidParameterValue(
                f"Changing param values is not allowed. Param with key='{param.key}' was already logged with"
                f" value='{value}' for model ID='{model_id}'. Attempted logging new value '{param.value}'."
            )

    def _whole(self, rows: Sequence[Row]) -> list[LoggedModel]:
        """Logged models of rows, with all that is known of them, in a constant number of statements."""
        ids = [row[0] for row in rows]
        params: dict[int, list[Param]] = defaultdict(list)
        for model, key, value in sorted(self._db.fetch_in(_PARAMS, ids)):
            params[model].append(Param(key=key, value=value))
        tags: dict[int, list[Tag]] = defaultdict(list)
        for model, key, value in sorted(self._db.fetch_in(_TAGS, ids)):
            tags[model].append(Tag(key=key, value=value))
        metrics: dict[int, list[Row]] = defaultdict(list)
        for row in sorted(self._db.fetch_in(_METRICS, ids), key=lambda row: row[:6]):
            metrics[row[0]].append(row)
        return [
            LoggedModel(
                info=_info(row, tags[row[0]]),
                data=LoggedModelData(
                    params=params[row[0]], metrics=[_metric(row[1], found) for found in metrics[row[0]]]
                ),
            )
            for row in rows
        ]


def _info(row: Row, tags: list[Tag]) -> LoggedModelInfo:
    _, model_id, experiment, name, model_type, status, source_run_id, location, message, created, updated = row
    return LoggedModelInfo(
        model_id=ModelId(model_id),
        experiment_id=ExperimentId(str(experiment)),
        name=name,
        creation_timestamp_ms=created,
        last_updated_timestamp_ms=updated,
        artifact_uri=location,
        status=LoggedModelStatus.from_number(status),
        model_type=model_type,
        source_run_id=source_run_id,
        status_message=message,
        tags=tags,
    )


def _metric(model_id: str, row: Row) -> Metric:
    _, key, time, step, kind, number, run_id, dataset_name, dataset_digest = row
    return Metric(
        key=key,
        value=Stored(kind, number).value,
        timestamp=time,
        step=step,
        model_id=model_id,
        dataset_name=dataset_name,
        dataset_digest=dataset_digest,
        run_id=run_id,
    )
