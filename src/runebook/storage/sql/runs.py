"""Runs, without what they logged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from runebook.core.errors import AlreadyExists, NotFound
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import ExperimentId, RunId
from runebook.core.runs import Run, RunInfo, RunStatus
from runebook.storage.base import NewRun, Page, SearchQuery, TransactionConflict
from runebook.storage.sql.dialects import Duplicate, Rows
from runebook.storage.sql.references import IN_ORDER, References, experiment_number
from runebook.storage.sql.run_contents import RunContents
from runebook.storage.sql.schema import ACTIVE
from runebook.storage.sql.session import Row, Session
from runebook.storage.sql.stages import STAGE_NUMBERS, STAGES
from runebook.storage.sql.tags import TAGS, set_tags

NEW_RUNS = Rows(
    "runs",
    ("run_id",),
    (
        "experiment_id",
        "run_name",
        "user_id",
        "status",
        "start_time",
        "lifecycle_stage",
        "artifact_uri",
        "deleted_with_experiment",
    ),
)

CHANGES = Rows("runs", ("id",), ("run_name", "status", "end_time"))

_COLUMNS = (
    "r.id, r.run_id, r.experiment_id, r.run_name, r.user_id, r.status, r.start_time, r.end_time, r.lifecycle_stage,"
    " r.artifact_uri"
)
_SELECT = f"SELECT {_COLUMNS} FROM runs r"


class SqlRunStore:
    """See `RunStore`."""

    def __init__(self, db: Session, references: References) -> None:
        self._db = db
        self._references = references

    def create(self, new_runs: Sequence[NewRun]) -> None:
        self._lock_experiments({experiment_number(new_run.experiment_id) for new_run in new_runs})
        rows = sorted(_new_row(new_run) for new_run in new_runs)
        try:
            self._db.insert(NEW_RUNS, rows)
        except Duplicate as error:
            ids = ", ".join(sorted(new_run.run_id for new_run in new_runs))
            raise AlreadyExists(f"Run with id={ids} already exists.") from error
        runs = self._references.locked_runs(new_run.run_id for new_run in new_runs)
        tags = {runs[new_run.run_id]: new_run.tags for new_run in new_runs}
        set_tags(self._db, self._references, TAGS, tags)

    def _lock_experiments(self, numbers: Iterable[int]) -> None:
        query = self._db.dialect.select_locked(
            "id, lifecycle_stage", "experiments", "id IN (:values) ORDER BY id", shared=True
        )
        stages: dict[int, int] = dict(self._db.fetch_in(query, sorted(numbers)))
        for number in numbers:
            if number not in stages:
                raise NotFound(f"No Experiment with id={number} exists")
            if stages[number] != ACTIVE:
                raise TransactionConflict(f"The experiment {number} went to the trash meanwhile.")

    def get_info(self, run_id: str) -> RunInfo:
        return _info(self._row(run_id))

    def locked(self, run_ids: Iterable[str], keys: Iterable[str] = ()) -> dict[str, RunInfo]:
        query = self._db.dialect.select_locked(_COLUMNS, "runs r", "r.run_id IN (:values)" + IN_ORDER)
        infos: dict[str, RunInfo] = {}
        for row in self._db.fetch_in(query, sorted(set(run_ids))):
            self._references.note_locked(row[1], row[0], row[2])
            infos[row[1]] = _info(row)
        self._references.name_ids(keys)
        return infos

    def get(self, run_id: str) -> Run:
        return self._whole([self._row(run_id)])[0]

    def update(
        self,
        run_id: str,
        *,
        status: RunStatus | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> None:
        changes = {"status": status and status.number, "end_time": end_time, "run_name": run_name}
        given = {column: value for column, value in changes.items() if value is not None}
        run = self._references.run(run_id)
        if given:
            assignments = ", ".join(f"{column} = :{column}" for column in given)
            self._db.execute(f"UPDATE runs SET {assignments} WHERE id = :id", id=run.id, **given)

    def save(self, infos: Collection[RunInfo]) -> None:
        runs = self._references.runs(info.run_id for info in infos)
        self._db.update(
            CHANGES, [(runs[info.run_id].id, info.run_name, info.status.number, info.end_time) for info in infos]
        )

    def set_stage(self, run_id: str, stage: LifecycleStage, now_ms: int) -> None:
        run = self._references.run(run_id)
        self._db.execute(
            "UPDATE runs SET lifecycle_stage = :stage, deleted_time = :deleted_time, deleted_with_experiment = 0"
            " WHERE id = :id AND lifecycle_stage <> :stage",
            stage=STAGE_NUMBERS[stage],
            deleted_time=now_ms if stage is LifecycleStage.DELETED else None,
            id=run.id,
        )

    def search(self, experiment_ids: Sequence[str], query: SearchQuery) -> Page[Run]:
        from runebook.storage.sql import searching  # a process that only logs does not need it

        ids, token = searching.run_ids(self._db, experiment_ids, query)
        rows = {row[0]: row for row in self._db.fetch_in(f"{_SELECT} WHERE r.id IN (:values)", ids)}
        return Page(self._whole([rows[number] for number in ids]), token)

    def _row(self, run_id: str) -> Row:
        row = self._db.fetch_one(f"{_SELECT} WHERE r.run_id = :run_id", run_id=run_id)
        if row is None:
            raise NotFound(f"Run with id={run_id} not found")
        return row

    def _whole(self, rows: Sequence[Row]) -> list[Run]:
        """Runs of rows, with all that they logged."""
        contents = RunContents(self._db, [row[0] for row in rows])
        return [
            Run(
                info=_info(row),
                data=contents.data(row[0]),
                inputs=contents.inputs(row[0]),
                outputs=contents.outputs(row[0]),
            )
            for row in rows
        ]


def _new_row(new_run: NewRun) -> Row:
    return (
        new_run.run_id,
        experiment_number(new_run.experiment_id),
        new_run.run_name,
        new_run.user_id,
        new_run.status.number,
        new_run.start_time,
        ACTIVE,
        new_run.artifact_uri,
        0,
    )


def _info(row: Row) -> RunInfo:
    _, run_id, experiment, run_name, user_id, status, start_time, end_time, stage, artifact_uri = row
    return RunInfo(
        run_id=RunId(run_id),
        run_uuid=run_id,
        experiment_id=ExperimentId(str(experiment)),
        run_name=run_name,
        user_id=user_id,
        status=RunStatus.from_number(status),
        start_time=start_time,
        end_time=end_time,
        artifact_uri=artifact_uri,
        lifecycle_stage=STAGES[stage],
    )
