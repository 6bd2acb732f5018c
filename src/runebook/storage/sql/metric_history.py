"""Reading series of points, a page or some steps at a time."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable
from itertools import islice

from runebook.core.errors import InvalidParameterValue
from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.core.metrics import Metric, Point
from runebook.storage.base import Page
from runebook.storage.sql.metric_series import BEFORE_ALL, Place, place, points_within, series
from runebook.storage.sql.references import References
from runebook.storage.sql.session import Session

_TOKEN = struct.Struct("<Iqqd")


class SqlMetricHistory:
    """What `MetricStore` promises of reading."""

    def __init__(self, db: Session, references: References) -> None:
        self._db = db
        self._references = references

    def history(
        self, run_id: str, key: str, *, max_results: int | None = None, page_token: str | None = None
    ) -> Page[Metric]:
        after = _after(page_token, run_id, key) if page_token else BEFORE_ALL
        found = self._find(run_id, key)
        if found is None:
            return Page([], None)
        points = list(islice(series(self._db, *found, after), None if max_results is None else max_results + 1))
        page = points[:max_results]
        metrics = [Metric(key=key, value=value, timestamp=time, step=step) for step, time, value in page]
        return Page(metrics, _token(run_id, key, page[-1]) if page and len(points) > len(page) else None)

    def steps(self, run_id: str, key: str, start_step: int | None, end_step: int | None) -> list[int]:
        found = self._find(run_id, key)
        if found is None:
            return []
        lowest = MIN_INT64 if start_step is None else start_step
        highest = MAX_INT64 if end_step is None else end_step
        return sorted({point.step for point in points_within(self._db, *found, lowest, highest)})

    def points_at(self, run_id: str, key: str, steps: Iterable[int]) -> list[Point]:
        wanted = set(steps)
        found = self._find(run_id, key)
        if found is None or not wanted:
            return []
        points = points_within(self._db, *found, min(wanted), max(wanted))
        return sorted((point for point in points if point.step in wanted), key=lambda point: (point.step, place(point)))

    def _find(self, run_id: str, key: str) -> tuple[int, int] | None:
        """The integers of a run and a key, when both are there."""
        run = self._references.find_run(run_id)
        name_id = self._references.name_id(key)
        return None if run is None or name_id is None else (run.id, name_id)


def _token(run_id: str, key: str, last: Point) -> str:
    packed = _TOKEN.pack(_series_check(run_id, key), last.time, last.step, last.value)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _after(token: str, run_id: str, key: str) -> Place:
    """The place of the last point of the page before."""
    try:
        packed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        check, time, step, value = _TOKEN.unpack(packed)
    except (binascii.Error, ValueError, struct.error) as error:
        raise InvalidParameterValue(
            "Invalid page token, could not base64-decode. Pass on a next_page_token as it was returned."
        ) from error
    if check != _series_check(run_id, key):
        raise InvalidParameterValue("Invalid page token, it belongs to another run or metric.")
    return place(Point(step, time, value))


def _series_check(run_id: str, key: str) -> int:
    return zlib.crc32(f"{run_id}\n{key}".encode())
