"""Tags of runs and of logged models: the same tables but for their owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runebook.core.errors import NotFound
from runebook.core.tags import Tag
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.params import OwnerT, keyed_value, values_of
from runebook.storage.sql.references import ModelReference, References, RunReference
from runebook.storage.sql.session import Session

TAGS = Rows("tags", ("run", "name_id"), ("experiment_id", "value", "number"))
LOGGED_MODEL_TAGS = Rows("logged_model_tags", ("model", "name_id"), ("experiment_id", "value", "number"))


class SqlTagStore:
    """See `TagStore`."""

    def __init__(self, db: Session, references: References) -> None:
        self._db = db
        self._references = references

    def set(self, tags: Mapping[str, Sequence[Tag]]) -> None:
        runs = self._references.runs(tags)
        set_tags(self._db, self._references, TAGS, {runs[run_id]: those for run_id, those in tags.items()})

    def get(self, run_id: str, key: str) -> str | None:
        run = self._references.run(run_id)
        name_id = self._references.name_id(key)
        return None if name_id is None else values_of(self._db, TAGS, [(run.id, name_id)]).get((run.id, name_id))

    def delete(self, run_id: str, key: str) -> None:
        if not delete_tag(self._db, self._references, TAGS, self._references.run(run_id), key):
            raise NotFound(f"No tag with name: {key} in run with id {run_id}")


def set_tags(db: Session, references: References, table: Rows, tags: Mapping[OwnerT, Sequence[Tag]]) -> None:
    """See `TagStore.set`."""
    ids = references.name_ids(tag.key for those in tags.values() for tag in those)
    db.upsert(table, (keyed_value(owner, ids[tag.key], tag.value) for owner, those in tags.items() for tag in those))


def delete_tag(
    db: Session, references: References, table: Rows, owner: RunReference | ModelReference, key: str
) -> bool:
    """Returns whether there was such a tag."""
    name_id = references.name_id(key)
    if name_id is None:
        return False
    deletion = f"DELETE FROM {table.table} WHERE {table.key[0]} = :owner AND name_id = :name_id"
    return db.execute(deletion, owner=owner.id, name_id=name_id) > 0
