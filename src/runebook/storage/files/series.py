"""Metric files: a line a point, appended. `<time> <value> <step>`, then the dataset's name and digest if there is one.

The files of logged models have the run's id after the step. Lines of old have no step. MLflow splits a line at
its spaces and cannot read a run that has a dataset with a space in its name; so what would be split is written
percent-encoded here, and names that MLflow wrote with spaces are understood.
"""

from __future__ import annotations

import logging
import math
import re
import time
from typing import NamedTuple, TypeAlias

from runebook.core.metrics import MetricSummary, Point
from runebook.storage.base import Series
from runebook.storage.files.changes import Files
from runebook.storage.files.yaml_files import MAX_CACHED, SETTLED_NS

_log = logging.getLogger(__name__)
_Signature: TypeAlias = tuple[int, int, int]


class Sample(NamedTuple):
    """One line."""

    time: int
    value: float
    step: int
    run_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None

    def point(self) -> Point:
        return Point(self.step, self.time, self.value)


def lines(series: Series, run_id: str | None = None) -> bytes:
    """The lines of some points; with the run, those of a logged model's file."""
    behind = [] if run_id is None else [run_id]
    if series.dataset_name is not None and series.dataset_digest is not None:
        behind += [_encoded(series.dataset_name), _encoded(series.dataset_digest)]
    end = "".join(f" {field}" for field in behind) + "\n"
    points = zip(series.points.steps, series.points.times, series.points.values, strict=True)
    return "".join(f"{time} {value!r} {step}{end}" for step, time, value in points).encode()


def samples(path: str, data: bytes, *, with_run: bool = False) -> list[Sample]:
    """The points of a file in the order of its lines, equal ones once.

    A last line without an end is one whose writer was stopped, and is passed over; so is a line that makes no sense.
    """
    found: dict[tuple[int, int, float | None, str | None], Sample] = {}
    whole, end, _torn = data.rpartition(b"\n")
    for raw in whole.split(b"\n") if end else ():
        if not raw.strip():
            continue
        try:
            sample = _parsed(raw.decode("utf-8"), with_run=with_run)
        except ValueError:
            _log.warning("Passed over a malformed line of %s: %r", path, raw[:200])
            continue
        same = (sample.step, sample.time, None if math.isnan(sample.value) else sample.value, sample.run_id)
        found.setdefault(same, sample)
    return list(found.values())


def _parsed(text: str, *, with_run: bool) -> Sample:
    """Raises ValueError for what is no line."""
    fields = text.split(" ")
    head = 4 if with_run else 3
    if len(fields) < 2 or len(fields) == head + 1 or (with_run and len(fields) < head):
        raise ValueError(text)
    step = int(fields[2]) if len(fields) > 2 else 0
    run_id = fields[3] if with_run else None
    sample = Sample(int(fields[0]), float(fields[1]), step, run_id)
    if len(fields) == head or len(fields) == 2:
        return sample
    name, digest = " ".join(fields[head:-1]), fields[-1]
    return sample._replace(dataset_name=_decoded(name), dataset_digest=_decoded(digest))


def value_order(value: float) -> tuple[bool, float]:
    """Values by size, NaN above all numbers."""
    return (True, 0.0) if math.isnan(value) else (False, value)


def by_step(sample: Sample) -> tuple[int, int, tuple[bool, float]]:
    return sample.step, sample.time, value_order(sample.value)


def by_time(sample: Sample) -> tuple[int, int, tuple[bool, float]]:
    return sample.time, sample.step, value_order(sample.value)


def summary(key: str, series: list[Sample]) -> MetricSummary:
    """What is known of a series that has at least one point."""
    first, last = min(series, key=by_step), max(series, key=by_step)
    numbers = [sample.value for sample in series if not math.isnan(sample.value)] or [math.nan]
    return MetricSummary(
        key=key,
        last=last.value,
        last_step=last.step,
        last_time=last.time,
        min=min(numbers),
        max=max(numbers),
        first=first.value,
        first_step=first.step,
        first_time=first.time,
        count=len(series),
    )


class SummaryCache:
    """Summaries of metric files, good as long as their time, size and inode are the same. Shared between threads."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[_Signature, MetricSummary]] = {}

    def read(self, files: Files, path: str, key: str) -> MetricSummary | None:
        """The summary of a file, or None where there is no point in it."""
        if files.has_changed(path):
            return _summary_of(path, files.read(path), key)
        try:
            status = files.path(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = self._known.get(path)
        if known is not None and known[0] == signature:
            return known[1]
        data = files.read(path)
        found = _summary_of(path, data, key)
        settled = time.time_ns() - status.st_mtime_ns > SETTLED_NS
        if found is not None and data is not None and settled and len(data) == status.st_size:
            if len(self._known) >= MAX_CACHED:
                self._known.clear()
            self._known[path] = (signature, found)
        return found


def _summary_of(path: str, data: bytes | None, key: str) -> MetricSummary | None:
    series = samples(path, data or b"")
    return summary(key, series) if series else None


_SPLITS = re.compile(r"[\x00-\x20\x7f]|%(?=[01][0-9A-F]|20|25|7F)")
_ENCODED = re.compile(r"%([01][0-9A-F]|20|25|7F)")


def _encoded(text: str) -> str:
    """The text without what would split the line; a `%` stands for itself unless it would be read as an escape."""
    return _SPLITS.sub(lambda found: f"%{ord(found.group()):02X}", text)


def _decoded(text: str) -> str:
    return _ENCODED.sub(lambda found: chr(int(found.group(1), 16)), text)
