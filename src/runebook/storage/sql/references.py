"""From public ids and names to the integers that rows use, each asked once per transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runebook.core.errors import InvalidParameterValue, NotFound
from runebook.core.limits import MAX_INT64
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.session import Session

NAMES = Rows("names", ("name",))
IN_ORDER = " ORDER BY run_id"
"""Locks on runs are taken in this order by all."""

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
        return self._found_runs([run_id]).get(run_id)

    def run(self, run_id: str) -> RunReference:
        """Raises NotFound: no such run."""
        return self.runs([run_id])[run_id]

    def runs(self, run_ids: Iterable[str]) -> dict[str, RunReference]:
        """Raises NotFound: there is no such run."""
        wanted = sorted(set(run_ids))
        found = self._found_runs(wanted)
        for run_id in wanted:
            if run_id not in found:
                raise NotFound(f"Run with id={run_id} not found")
        return found

    def locked_run(self, run_id: str) -> RunReference:
        """A run whose series no other transaction changes before this one ends. Raises NotFound: no such run."""
        return self.locked_runs([run_id])[run_id]

    def locked_runs(self, run_ids: Iterable[str]) -> dict[str, RunReference]:
        """Runs whose series no other transaction changes before this one ends. Raises NotFound: there is no such run.

        Locks are taken in the order of public ids by all; so one transaction takes them together.
        """
        wanted = sorted(set(run_ids))
        missing = [run_id for run_id in wanted if run_id not in self._locked]
        query = self._db.dialect.select_locked("run_id, id, experiment_id", "runs", "run_id IN (:values)" + IN_ORDER)
        for run_id, number, experiment in self._db.fetch_in(query, missing):
            self.note_locked(run_id, number, experiment)
        return self.runs(wanted)

    def note_locked(self, run_id: str, number: int, experiment: int) -> None:
        """Note a run that this transaction locked, or made, so that nobody else can see it."""
        self._runs[run_id] = RunReference(number, experiment)
        self._locked.add(run_id)

    def _found_runs(self, run_ids: Sequence[str]) -> dict[str, RunReference]:
        unknown = [run_id for run_id in run_ids if run_id not in self._runs]
        rows = self._db.fetch_in("SELECT run_id, id, experiment_id FROM runs WHERE run_id IN (:values)", unknown)
        self._runs.update((run_id, RunReference(number, experiment)) for run_id, number, experiment in rows)
        return {run_id: self._runs[run_id] for run_id in run_ids if run_id in self._runs}

    def models(self, model_ids: Iterable[str]) -> dict[str, ModelReference]:
        """Raises NotFound: one of the logged models does not exist or is deleted."""
        wanted = set(model_ids)
        found = self.found_models(wanted)
        for model_id in sorted(wanted - found.keys()):
            raise NotFound(f"Logged model with ID '{model_id}' not found.")
        return found

    def found_models(self, model_ids: Iterable[str]) -> dict[str, ModelReference]:
        """Those of the logged models that exist and are not deleted."""
        rows = self._db.fetch_in(
            "SELECT model_id, id, experiment_id FROM logged_models WHERE lifecycle_stage = 0 AND model_id IN (:values)",
            sorted(set(model_ids)),
        )
        return {row[0]: ModelReference(*row[1:]) for row in rows}

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
