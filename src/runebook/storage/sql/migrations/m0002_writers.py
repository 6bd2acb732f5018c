"""Writers and leases get tables of their own, and frames lose their marks."""

from __future__ import annotations

from runebook.storage.sql.dialects import Dialect
from runebook.storage.sql.migrations.step import Step
from runebook.storage.sql.tables import Index, Table, blob, counted, integer, key

_FRAMES = Table(
    "metric_frames",
    (counted(), integer("run"), integer("points"), blob("payload")),
    primary_key=("id",),
    indexes=(Index("by_run", ("run",)),),
)
_NEW = (
    Table(
        "writers",
        (key("writer", 64), integer("sequence"), integer("updated")),
        primary_key=("writer",),
        indexes=(Index("by_age", ("updated",)),),
    ),
    Table(
        "leases",
        (integer("run"), key("writer", 64), integer("until")),
        primary_key=("run", "writer"),
        indexes=(Index("by_until", ("until",)),),
    ),
)


def _statements(dialect: Dialect) -> list[str]:
    """A frame without a payload is the mark of one that was folded: its points are in chunks."""
    new = [statement for table in _NEW for statement in dialect.create(table)]
    return [*new, *dialect.rewritten(_FRAMES, "payload IS NOT NULL")]


STEP = Step(
    2,
    "writers",
    "Add the tables writers and leases; drop the columns of metric_frames that they replace."
    " Servers of the release before must be stopped.",
    _statements,
)
