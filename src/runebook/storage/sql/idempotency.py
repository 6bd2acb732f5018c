"""First answers to requests that named an idempotency key."""

from __future__ import annotations

from runebook.storage.base import StoredAnswer, TransactionConflict
from runebook.storage.sql.dialects import Duplicate, Rows
from runebook.storage.sql.session import Session

IDEMPOTENCY_KEYS = Rows("idempotency_keys", ("operation", "idempotency_key"), ("request_digest", "reply", "created"))

WEEK_MS = 7 * 24 * 60 * 60 * 1000


class SqlIdempotencyStore:
    """See `IdempotencyStore`."""

    def __init__(self, db: Session) -> None:
        self._db = db

    def find(self, operation: str, key: str) -> StoredAnswer | None:
        row = self._db.fetch_one(
            "SELECT request_digest, reply FROM idempotency_keys"
            " WHERE operation = :operation AND idempotency_key = :key",
            operation=operation,
            key=key,
        )
        return None if row is None else StoredAnswer(bytes(row[0]), bytes(row[1]))

    def save(self, operation: str, key: str, answer: StoredAnswer, now_ms: int) -> None:
        self._db.execute("DELETE FROM idempotency_keys WHERE created < :oldest", oldest=now_ms - WEEK_MS)
        try:
            self._db.insert(IDEMPOTENCY_KEYS, [(operation, key, answer.request_digest, answer.reply, now_ms)])
        except Duplicate as error:
            raise TransactionConflict(f"The idempotency key {key!r} of {operation} was used meanwhile.") from error
