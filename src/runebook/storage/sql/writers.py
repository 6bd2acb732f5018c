"""How far the store has come with what each writer ships."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runebook.core.ids import WriterId
from runebook.storage.base import TransactionConflict
from runebook.storage.sql.dialects import Duplicate, Rows
from runebook.storage.sql.session import Session

WRITERS = Rows("writers", ("writer",), ("sequence", "updated"))

FORGOTTEN_AFTER_MS = 90 * 24 * 60 * 60 * 1000


class SqlWriterStore:
    """See `WriterStore`. A new writer, which is one a process, is when those of old are forgotten."""

    def __init__(self, db: Session) -> None:
        self._db = db
        self._locked: set[WriterId] = set()

    def last_sequences(self, writers: Iterable[WriterId]) -> dict[WriterId, int]:
        query = self._db.dialect.select_locked("writer, sequence", "writers", "writer IN (:values) ORDER BY writer")
        found = {WriterId(writer): sequence for writer, sequence in self._db.fetch_in(query, sorted(set(writers)))}
        self._locked.update(found)
        return found

    def advance(self, sequences: Mapping[WriterId, int], now_ms: int) -> None:
        there = [(writer, last, now_ms) for writer, last in sequences.items() if writer in self._locked]
        new = sorted((writer, last, now_ms) for writer, last in sequences.items() if writer not in self._locked)
        self._db.upsert(WRITERS, there)
        if not new:
            return
        try:
            self._db.insert(WRITERS, new)
        except Duplicate as error:
            raise TransactionConflict("A writer's first frame was added meanwhile, by another transaction.") from error
        self._locked.update(sequences)
        self._db.execute("DELETE FROM writers WHERE updated < :oldest", oldest=now_ms - FORGOTTEN_AFTER_MS)
