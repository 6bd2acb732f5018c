"""Who is at work on which run, and until when that is believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runebook.core.ids import RunId, WriterId
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.references import References
from runebook.storage.sql.session import Session
from runebook.storage.writers import Lease

LEASES = Rows("leases", ("run", "writer"), ("until",))


class SqlLeaseStore:
    """See `LeaseStore`."""

    def __init__(self, db: Session, references: References) -> None:
        self._db = db
        self._references = references

    def of(self, run_ids: Iterable[str]) -> list[Lease]:
        by_number = {run.id: RunId(run_id) for run_id, run in self._references.runs(run_ids).items()}
        rows = self._db.fetch_in(
            "SELECT l.run, l.writer, l.until FROM leases l WHERE l.run IN (:values) ORDER BY l.run, l.writer", by_number
        )
        return [Lease(by_number[run], WriterId(writer), until) for run, writer, until in rows]

    def renew(self, leases: Sequence[Lease]) -> None:
        runs = self._references.runs(lease.run_id for lease in leases)
        self._db.upsert(LEASES, [(runs[lease.run_id].id, lease.writer, lease.until_ms) for lease in leases])

    def release(self, held: Iterable[tuple[str, WriterId]]) -> None:
        held = list(held)
        runs = self._references.runs(run_id for run_id, _ in held)
        self._db.delete(LEASES, [(runs[run_id].id, writer) for run_id, writer in held])

    def clear(self, run_ids: Iterable[str]) -> None:
        runs = self._references.runs(run_ids)
        self._db.delete(LEASES._replace(key=("run",)), [(run.id,) for run in runs.values()])

    def expired(self, now_ms: int, max_runs: int) -> list[RunId]:
        rows = self._db.fetch(
            "SELECT r.run_id, MAX(l.until) AS ended FROM leases l JOIN runs r ON r.id = l.run"
            " WHERE l.until < :now AND NOT EXISTS (SELECT 1 FROM leases o WHERE o.run = l.run AND o.until >= :now)"
            f" GROUP BY r.run_id ORDER BY ended, r.run_id {self._db.dialect.limit(':max_runs')}",
            now=now_ms,
            max_runs=max_runs,
        )
        return [RunId(run_id) for run_id, _ in rows]
