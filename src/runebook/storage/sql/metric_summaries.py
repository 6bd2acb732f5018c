"""What lists and searches know of a series without reading it: kept up to date by every append."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from operator import lt
from typing import Any, TypeAlias

from runebook.core.columns import Columns
from runebook.storage.sql.dialects import Rows, quoted
from runebook.storage.sql.references import RunReference
from runebook.storage.sql.schema import NOT_A_NUMBER
from runebook.storage.sql.session import Session
from runebook.storage.sql.values import stored

METRIC_SUMMARIES = Rows(
    "metric_summaries",
    ("run", "name_id"),
    (
        "experiment_id",
        "points",
        "last_step",
        "last_time",
        "last_kind",
        "last_value",
        "first_step",
        "first_time",
        "first_kind",
        "first_value",
        "min_kind",
        "min_value",
        "max_kind",
        "max_value",
    ),
)

Summary: TypeAlias = tuple[Any, ...]
"""`core.metrics.MetricSummary` as the columns above have it, from `points` on. A place (step, time, kind, number)
and a value (kind, number) are compared as tuples. `points` counts repetitions too, until a fold corrects it."""

_POINTS = 0
_LAST = slice(1, 5)
_FIRST = slice(5, 9)
_MIN = slice(9, 11)
_MAX = slice(11, 13)

_SELECT = f"SELECT run, name_id, {quoted(METRIC_SUMMARIES.others[1:])} FROM metric_summaries WHERE (:pairs)"


def summarize(columns: Columns) -> Summary:
    """The summary of one or more points. About 0.1 us a point where the steps rise."""
    count = len(columns)
    if count == 1:
        value = stored(columns.values[0])
        place = (columns.steps[0], columns.times[0], *value)
        return (1, *place, *place, *value, *value)
    steps = columns.steps.tolist()
    if all(map(lt, steps, islice(steps, 1, None))):
        last, first = _place(columns, count - 1), _place(columns, 0)
    else:
        highest, lowest = max(steps), min(steps)
        last = max(_place(columns, number) for number, step in enumerate(steps) if step == highest)
        first = min(_place(columns, number) for number, step in enumerate(steps) if step == lowest)
    return (count, *last, *first, *_extremes(columns))


def _place(columns: Columns, number: int) -> tuple[Any, ...]:
    return (columns.steps[number], columns.times[number], *stored(columns.values[number]))


def _extremes(columns: Columns) -> tuple[float, ...]:
    """The smallest and the largest of the values, NaN only where there is nothing else."""
    values = columns.values.tolist()
    if math.isnan(sum(values)):  # of NaN, or of both infinities
        values = [value for value in values if not math.isnan(value)] or [math.nan]
    return (*stored(min(values)), *stored(max(values)))


def update_summaries(db: Session, added: Mapping[tuple[RunReference, int], Summary]) -> None:
    """Join the summaries of new points, by run and the id of the name, to those of runs that are locked."""
    rows = db.fetch_pairs(_SELECT, ("run", "name_id"), [(run.id, name_id) for run, name_id in added])
    there = {(row[0], row[1]): row[2:] for row in rows}
    changed = []
    for (run, name_id), new in added.items():
        old = there.get((run.id, name_id))
        changed.append((run.id, name_id, run.experiment_id, *(new if old is None else joined(old, new))))
    db.upsert(METRIC_SUMMARIES, changed)


def joined(old: Summary, new: Summary) -> Summary:
    """The summary of both series together."""
    return (
        old[_POINTS] + new[_POINTS],
        *max(old[_LAST], new[_LAST]),
        *min(old[_FIRST], new[_FIRST]),
        *min(old[_MIN], new[_MIN]),  # NaN stands above all numbers
        *_highest_number(old[_MAX], new[_MAX]),
    )


def _highest_number(old: Summary, new: Summary) -> Summary:
    if old[0] == NOT_A_NUMBER or new[0] == NOT_A_NUMBER:
        return new if old[0] == NOT_A_NUMBER else old
    return max(old, new)
