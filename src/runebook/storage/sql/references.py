"""From public ids and names to the integers that rows use, each asked once per transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from runebook.core.errors import InvalidParameterValue, NotFound
from runebook.core.limits import MAX_INT64
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.session import Session

NAMES = Rows("names", ("name",))

_MAX_CACHED_NAMES = 100_000
_INTEGER = re.compile(r"[+-]?[0-9]+")


class RunReference(NamedTuple):
    """A run as rows know it."""

    id: int
    experiment_id: int


class ModelReference(NamedTuple):
    """A logged model as rows know it."""

    id: int
    experiment_id: int


class NameCache:
    """Names and ids that were committed; they never change. Shared by the transactions of a store."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def find(self, name: str) -> int | None:
        return self._ids.get(name)

    def publish(self, ids: dict[str, int]) -> None:
        if len(self._ids) + len(ids) > _MAX_CACHED_NAMES:
            self._ids = {}
        self._ids.update(ids)


class References:
    """Finds rows by public ids and names, and interns names."""

    def __init__(self, db: Session, committed_names: NameCache) -> None:
        self._db = db
        self._committed = committed_names
        self.found_names: dict[str, int] = {}
        """Names that this transaction asked for or made: others may know them once it has committed."""

        self._runs: dict[str, RunReference] = {}
        self._locked: set[str] = set()

    def find_run(self, run_id: str) -> RunReference | None:
        if run_id not in self._runs:
            row = self._db.fetch_one("SELECT id, experiment_id FROM runs WHERE run_id = :run_id", run_id=run_id)
            if row is None:
                return None
            self._runs[run_id] = RunReference(*row)
        return self._runs[run_id]

    def run(self, run_id: str) -> RunReference:
        """Raises NotFound: no such run."""
        run = self.find_run(run_id)
        if run is None:
            raise NotFound(f"Run with id={run_id} not found")
        return run

    def locked_run(self, run_id: str) -> RunReference:
        """A run whose series no other transaction changes before this one ends. Raises NotFound: no such run."""
        if run_id not in self._locked:
            query = self._db.dialect.select_locked("id, experiment_id", "runs", "run_id = :run_id")
            row = self._db.fetch_one(query, run_id=run_id)
            if row is None:
                raise NotFound(f"Run with id={run_id} not found")
            self._runs[run_id] = RunReference(*row)
            self._locked.add(run_id)
        return self._runs[run_id]

    def made_run(self, run_id: str, number: int, experiment: int) -> RunReference:
        """Note a run that this transaction made; nobody else can see it, so it counts as locked."""
        self._runs[run_id] = RunReference(number, experiment)
        self._locked.add(run_id)
        return self._runs[run_id]

    def models(self, model_ids: Iterable[str]) -> dict[str, ModelReference]:
        """Raises NotFound: one of the logged models does not exist or is deleted."""
        wanted = set(model_ids)
        rows = self._db.fetch_in(
            "SELECT model_id, id, experiment_id FROM logged_models WHERE lifecycle_stage = 0 AND model_id IN (:values)",
            sorted(wanted),
        )
        found = {row[0]: ModelReference(*row[1:]) for row in rows}
        for model_id in sorted(wanted - found.keys()):
            raise NotFound(f"Logged model with ID '{model_id}' not found.")
        return found

    def model(self, model_id: str) -> ModelReference:
        return self.models([model_id])[model_id]

    def name_id(self, name: str) -> int | None:
        """The id of a name that is in use, or None."""
        return self._known([name]).get(name)

    def name_ids(self, names: Iterable[str]) -> dict[str, int]:
        """Ids of the names, made for those that have none."""
        wanted = sorted(set(names))
        known = self._known(wanted)
        missing = [name for name in wanted if name not in known]
        if missing:
            self._db.insert_missing(NAMES, [(name,) for name in missing])
            known |= self._known(missing)
        return known

    def _known(self, names: Iterable[str]) -> dict[str, int]:
        known: dict[str, int] = {}
        unknown = []
        for name in names:
            name_id = self.found_names.get(name) or self._committed.find(name)
            if name_id is None:
                unknown.append(name)
            else:
                known[name] = name_id
        if unknown:
            found = {
                name: name_id
                for name_id, name in self._db.fetch_in("SELECT id, name FROM names WHERE name IN (:values)", unknown)
            }
            self.found_names |= found
            known |= found
        return known


def experiment_number(experiment_id: str) -> int:
    """The id as a number; one beyond 64 bits, which no experiment has, as -1.

    Raises:
        InvalidParameterValue: it is no integer.

    """
    if _INTEGER.fullmatch(experiment_id) is None:
        raise InvalidParameterValue(f"Invalid experiment ID '{experiment_id}'. Experiment ID must be a valid integer.")
    number = int(experiment_id) if len(experiment_id) < 25 else -1
    return number if 0 <= number <= MAX_INT64 else -1
