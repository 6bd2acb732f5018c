"""Params of runs and of logged models: the same tables but for their owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from runebook.core.params import Param
from runebook.search.numbers import number_in
from runebook.storage.base import ParamConflict, TransactionConflict
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.references import ModelReference, References, RunReference
from runebook.storage.sql.session import Row, Session

PARAMS = Rows("params", ("run", "name_id"), ("experiment_id", "value", "number"))
LOGGED_MODEL_PARAMS = Rows("logged_model_params", ("model", "name_id"), ("experiment_id", "value", "number"))

OwnerT = TypeVar("OwnerT", RunReference, ModelReference)


class SqlParamStore:
    """See `ParamStore`."""

    def __init__(self, db: Session, references: References) -> None:
        self._db = db
        self._references = references

    def add(self, params: Mapping[str, Sequence[Param]]) -> dict[str, list[ParamConflict]]:
        runs = self._references.runs(params)
        by_owner = {runs[run_id]: added for run_id, added in params.items()}
        conflicts = add_params(self._db, self._references, PARAMS, by_owner)
        return {run_id: conflicts[runs[run_id]] for run_id in params if runs[run_id] in conflicts}


def add_params(
    db: Session, references: References, table: Rows, params: Mapping[OwnerT, Sequence[Param]]
) -> dict[OwnerT, list[ParamConflict]]:
    """See `ParamStore.add`. Nobody adds to the owners meanwhile, or this transaction is to be done anew."""
    ids = references.name_ids(param.key for added in params.values() for param in added)
    wanted = [(owner.id, ids[param.key]) for owner, added in params.items() for param in added]
    there = values_of(db, table, wanted)
    conflicts: dict[OwnerT, list[ParamConflict]] = {}
    rows: list[Row] = []
    for owner, added in params.items():
        values: dict[int, str] = {}
        for param in added:
            name_id = ids[param.key]
            value = there.get((owner.id, name_id))
            if value is None:
                value = values.setdefault(name_id, param.value)
            if value != param.value:
                conflicts.setdefault(owner, []).append(ParamConflict(param, value))
        if owner not in conflicts:
            rows += (keyed_value(owner, name_id, value) for name_id, value in values.items())
    if db.insert_missing(table, rows) < len(rows):
        raise TransactionConflict("A param was logged meanwhile, by another transaction.")
    return conflicts


def keyed_value(owner: RunReference | ModelReference, name_id: int, value: str) -> Row:
    """A row of params or tags."""
    return (owner.id, name_id, owner.experiment_id, value, number_in(value))


def values_of(db: Session, table: Rows, pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Values of params or tags by their owners and the ids of their names."""
    owner = table.key[0]
    sql = f"SELECT {owner}, name_id, value FROM {table.table} WHERE (:pairs)"
    return {(row[0], row[1]): row[2] for row in db.fetch_pairs(sql, (owner, "name_id"), pairs)}
