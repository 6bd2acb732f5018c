"""Metrics: numbers that a run reports over its steps."""

from __future__ import annotations

from typing import NamedTuple

from runebook.core.records import Int64, Record, TimeMs, shown_zero


class Metric(Record):
    """One point. On the wire a value that is not finite is "NaN", "Infinity" or "-Infinity"."""

    key: str
    value: float
    timestamp: TimeMs
    step: Int64 = shown_zero()
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


class Point(NamedTuple):
    """One value of one metric of one run, without its names: step, milliseconds since the epoch, value."""

    step: int
    time: int
    value: float


class MetricSummary(Record):
    """What lists and searches know of a series without reading it.

    `last` is the value of the highest step, then the latest time, then the larger value (NaN above all numbers);
    `first` of the lowest step, then the earliest time, then the smaller value.
    `min` and `max` pass over NaN unless there is nothing else.
    """

    key: str
    last: float
    last_step: int
    last_time: int
    min: float
    max: float
    first: float
    first_step: int
    first_time: int
    count: int

    def as_metric(self) -> Metric:
        """The last point, as MLflow lists it."""
        return Metric(key=self.key, value=self.last, timestamp=self.last_time, step=self.last_step)
