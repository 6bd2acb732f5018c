"""What lists and searches know of a series: kept up to date by every append, so that they never read points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from runebook.core.metrics import Point
from runebook.storage.sql.dialects import Rows, quoted
from runebook.storage.sql.references import RunReference
from runebook.storage.sql.session import Session
from runebook.storage.sql.values import Stored, stored

METRIC_SUMMARIES = Rows(
    "metric_summaries",
    ("run", "name_id"),
    (
        "experiment_id",
        "points",
        "last_kind",
        "last_value",
        "last_step",
        "last_time",
        "min_kind",
        "min_value",
        "max_kind",
        "max_value",
        "first_kind",
        "first_value",
        "first_step",
        "first_time",
    ),
)

_SELECT = (
    f"SELECT name_id, {quoted(METRIC_SUMMARIES.others[1:])} FROM metric_summaries"
    " WHERE run = :run AND name_id IN (:values)"
)


class Located(NamedTuple):
    """A value at its place. The highest by step, time and value is the last, the lowest the first."""

    step: int
    time: int
    value: Stored


class Summary(NamedTuple):
    """The summary of one series, as `core.metrics.MetricSummary` defines it. `points` counts repetitions too,
    until a fold corrects it.
    """

    points: int
    last: Located
    min: Stored
    max: Stored
    first: Located

    def joined(self, other: Summary) -> Summary:
        """The summary of both series together."""
        return Summary(
            self.points + other.points,
            max(self.last, other.last),
            min(self.min, other.min),  # NaN stands above all numbers
            _highest_number(self.max, other.max),
            min(self.first, other.first),
        )


def summarize(points: Iterable[Point]) -> Summary:
    """The summary of one or more points."""
    summary: Summary | None = None
    for step, time, value in points:
        located = Located(step, time, stored(value))
        alone = Summary(1, located, located.value, located.value, located)
        summary = alone if summary is None else summary.joined(alone)
    assert summary is not None
    return summary


def update_summaries(db: Session, run: RunReference, added: Mapping[int, Summary]) -> None:
    """Join the summaries of new points, by the ids of their names, to those of a run that is locked."""
    rows = db.fetch_in(_SELECT, added, run=run.id)
    there = {name_id: _summary(*columns) for name_id, *columns in rows}
    db.upsert(
        METRIC_SUMMARIES,
        [
            (run.id, name_id, run.experiment_id, *_columns(there[name_id].joined(new) if name_id in there else new))
            for name_id, new in added.items()
        ],
    )


def _highest_number(one: Stored, other: Stored) -> Stored:
    if one.is_nan or other.is_nan:
        return other if one.is_nan else one
    return max(one, other)


def _columns(summary: Summary) -> tuple[float, ...]:
    last, first = summary.last, summary.first
    return (
        summary.points,
        *last.value,
        last.step,
        last.time,
        *summary.min,
        *summary.max,
        *first.value,
        first.step,
        first.time,
    )


def _summary(points: int, *columns: float) -> Summary:
    last_kind, last, last_step, last_time, min_kind, lowest, max_kind, highest = columns[:8]
    first_kind, first, first_step, first_time = columns[8:]
    return Summary(
        points,
        Located(int(last_step), int(last_time), Stored(int(last_kind), last)),
        Stored(int(min_kind), lowest),
        Stored(int(max_kind), highest),
        Located(int(first_step), int(first_time), Stored(int(first_kind), first)),
    )
