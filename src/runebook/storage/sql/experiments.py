"""Experiments and their tags."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.core.errors import AlreadyExists, NotFound
from runebook.core.experiments import Experiment, LifecycleStage
from runebook.core.ids import ExperimentId
from runebook.core.tags import Tag
from runebook.storage.base import Page, SearchQuery
from runebook.storage.sql.dialects import Duplicate, Rows
from runebook.storage.sql.references import experiment_number
from runebook.storage.sql.schema import ACTIVE
from runebook.storage.sql.session import Row, Session
from runebook.storage.sql.stages import STAGE_NUMBERS, STAGES

NEW_EXPERIMENTS = Rows(
    "experiments", ("name",), ("artifact_location", "lifecycle_stage", "creation_time", "last_update_time")
)
EXPERIMENT_TAGS = Rows("experiment_tags", ("experiment_id", "tag_key"), ("tag_value",))


_COLUMNS = "id, name, artifact_location, lifecycle_stage, creation_time, last_update_time"


class SqlExperimentStore:
    """See `ExperimentStore`."""

    def __init__(self, db: Session) -> None:
        self._db = db

    def create(
        self, name: str, artifact_location: str | None, artifact_root: str, tags: Sequence[Tag], now_ms: int
    ) -> ExperimentId:
        row = (name, artifact_location or "", ACTIVE, now_ms, now_ms)
        try:
            number = self._db.insert_returning_id(NEW_EXPERIMENTS, row)
        except Duplicate as error:
            raise AlreadyExists(
                f"Experiment(name={name}) already exists. It may be a deleted one: restore it, or choose another name."
            ) from error
        if artifact_location is None:
            self._db.execute(
                "UPDATE experiments SET artifact_location = :location WHERE id = :id",
                location=f"{artifact_root}/{number}",
                id=number,
            )
        self._db.upsert(EXPERIMENT_TAGS, [(number, tag.key, tag.value) for tag in tags])
        return ExperimentId(str(number))

    def get(self, experiment_id: str) -> Experiment:
        rows = self._db.fetch(f"SELECT {_COLUMNS} FROM experiments WHERE id = :id", id=experiment_number(experiment_id))
        if not rows:
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        return self._whole(rows)[0]

    def get_by_name(self, name: str) -> Experiment | None:
        rows = self._db.fetch(f"SELECT {_COLUMNS} FROM experiments WHERE name = :name", name=name)
        return self._whole(rows)[0] if rows else None

    def rename(self, experiment_id: str, new_name: str, now_ms: int) -> None:
        try:
            changed = self._db.execute(
                "UPDATE experiments SET name = :name, last_update_time = :now WHERE id = :id",
                name=new_name,
                now=now_ms,
                id=experiment_number(experiment_id),
            )
        except Duplicate as error:
            raise AlreadyExists(f"Experiment(name={new_name}) already exists. Choose another name.") from error
        if not changed:
            self._number(experiment_id)

    def set_stage(self, experiment_id: str, stage: LifecycleStage, now_ms: int) -> None:
        number = self._number(experiment_id)
        self._db.execute(
            "UPDATE experiments SET lifecycle_stage = :stage, last_update_time = :now WHERE id = :id",
            stage=STAGE_NUMBERS[stage],
            now=now_ms,
            id=number,
        )
        if stage is LifecycleStage.DELETED:
            self._db.execute(
                "UPDATE runs SET lifecycle_stage = 1, deleted_time = :now, deleted_with_experiment = 1"
                " WHERE experiment_id = :id AND lifecycle_stage = 0",
                now=now_ms,
                id=number,
            )
        else:
            self._db.execute(
                "UPDATE runs SET lifecycle_stage = 0, deleted_time = NULL, deleted_with_experiment = 0"
                " WHERE experiment_id = :id AND lifecycle_stage = 1 AND deleted_with_experiment = 1",
                id=number,
            )

    def set_tag(self, experiment_id: str, tag: Tag, now_ms: int) -> None:
        number = self._touched(experiment_id, now_ms)
        self._db.upsert(EXPERIMENT_TAGS, [(number, tag.key, tag.value)])

    def delete_tag(self, experiment_id: str, key: str, now_ms: int) -> None:
        number = self._touched(experiment_id, now_ms)
        gone = self._db.execute(
            "DELETE FROM experiment_tags WHERE experiment_id = :id AND tag_key = :key", id=number, key=key
        )
        if not gone:
            raise NotFound(f"No tag with name: {key} in experiment with id {experiment_id}")

    def search(self, query: SearchQuery) -> Page[Experiment]:
        from runebook.storage.sql import searching  # a process that only logs does not need it

        ids, token = searching.experiment_ids(self._db, query)
        rows = self._db.fetch_in(f"SELECT {_COLUMNS} FROM experiments WHERE id IN (:values)", ids)
        found = {row[0]: row for row in rows}
        return Page(self._whole([found[number] for number in ids]), token)

    def _number(self, experiment_id: str) -> int:
        """Raises NotFound: no such experiment."""
        number = experiment_number(experiment_id)
        if self._db.fetch_one("SELECT id FROM experiments WHERE id = :id", id=number) is None:
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        return number

    def _touched(self, experiment_id: str, now_ms: int) -> int:
        number = self._number(experiment_id)
        self._db.execute("UPDATE experiments SET last_update_time = :now WHERE id = :id", now=now_ms, id=number)
        return number

    def _whole(self, rows: Sequence[Row]) -> list[Experiment]:
        """Experiments of rows, with their tags."""
        tags: dict[int, list[Tag]] = {row[0]: [] for row in rows}
        for number, key, value in self._db.fetch_in(
            "SELECT experiment_id, tag_key, tag_value FROM experiment_tags WHERE experiment_id IN (:values)", tags
        ):
            tags[number].append(Tag(key=key, value=value))
        return [_experiment(row, tags[row[0]]) for row in rows]


def _experiment(row: Row, tags: list[Tag]) -> Experiment:
    number, name, artifact_location, stage, creation_time, last_update_time = row
    return Experiment(
        experiment_id=ExperimentId(str(number)),
        name=name,
        artifact_location=artifact_location,
        lifecycle_stage=STAGES[stage],
        creation_time=creation_time,
        last_update_time=last_update_time,
        tags=sorted(tags, key=lambda tag: tag.key),
    )
