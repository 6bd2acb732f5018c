"""Params of runs and of logged models: the same tables but for their owner."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.core.errors import InvalidParameterValue
from runebook.core.params import Param
from runebook.search.numbers import number_in
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.references import ModelReference, References, RunReference
from runebook.storage.sql.session import Row, Session

PARAMS = Rows("params", ("run", "name_id"), ("experiment_id", "value", "number"))
LOGGED_MODEL_PARAMS = Rows("logged_model_params", ("model", "name_id"), ("experiment_id", "value", "number"))


class SqlParamStore:
    """See `ParamStore`."""

    def __init__(self, db: Session, references: References) -> None:
        self._db = db
        self._references = references

    def log(self, run_id: str, params: Sequence[Param]) -> None:
        run = self._references.run(run_id)
        found = add_params(self._db, self._references, PARAMS, run, params)
        if found is not None:
            param, value = found
            raise InvalidParameterValue(
                f"Changing param values is not allowed. Param with key='{param.key}' was already logged with"
                f" value='{value}' for run ID='{run_id}'. Attempted logging new value '{param.value}'."
            )


def add_params(
    db: Session, references: References, table: Rows, owner: RunReference | ModelReference, params: Sequence[Param]
) -> tuple[Param, str] | None:
    """Add params. Returns the first that is there with another value, and that value; the caller then gives up."""
    ids = references.name_ids(param.key for param in params)
    firsts: dict[str, Param] = {}
    for param in params:
        if firsts.setdefault(param.key, param).value != param.value:
            return param, firsts[param.key].value
    rows = [keyed_value(owner, ids[param.key], param.value) for param in firsts.values()]
    if db.insert_missing(table, rows) == len(rows):
        return None
    values = values_of(db, table, owner.id, list(ids.values()))
    for param in firsts.values():
        if values[ids[param.key]] != param.value:
            return param, values[ids[param.key]]
    return None


def keyed_value(owner: RunReference | ModelReference, name_id: int, value: str) -> Row:
    """A row of params or tags."""
    return (owner.id, name_id, owner.experiment_id, value, number_in(value))


def values_of(db: Session, table: Rows, owner: int, name_ids: Sequence[int]) -> dict[int, str]:
    """Values of params or tags by the ids of their names."""
    rows = db.fetch_in(
        f"SELECT name_id, value FROM {table.table} WHERE {table.key[0]} = :owner AND name_id IN (:values)",
        name_ids,
        owner=owner,
    )
    return {row[0]: row[1] for row in rows}
