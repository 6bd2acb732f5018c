"""Reading series of points, a page or some steps at a time."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable

from runebook.core.columns import Columns
from runebook.core.errors import InvalidParameterValue
from runebook.core.histories import History
from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.core.metrics import Point
from runebook.storage.base import HistoryPage
from runebook.storage.sql.metric_order import Place, part
from runebook.storage.sql.metric_series import chosen, points_behind, points_within
from runebook.storage.sql.references import References
from runebook.storage.sql.session import Session
from runebook.storage.sql.values import stored

_TOKEN = struct.Struct("<Iqqd")


class SqlMetricHistory:
    """What `MetricStore` promises of reading."""

    def __init__(self, db: Session, references: References) -> None:
        self._db = db
        self._references = references

    def history(
        self, run_id: str, key: str, *, max_results: int | None = None, page_token: str | None = None
    ) -> HistoryPage:
        after = _after(page_token, run_id, key) if page_token else None
        found = self._find(run_id, key)
        if found is None:
            return HistoryPage([], None)
        points = points_behind(self._db, *found, after, None if max_results is None else max_results + 1)
        if max_results is None or len(points) <= max_results:
            return HistoryPage(History(key, points), None)
        page = part(points, 0, max_results)
        return HistoryPage(History(key, page), _token(run_id, key, page))

    def steps(self, run_id: str, key: str, start_step: int | None, end_step: int | None) -> list[int]:
        found = self._find(run_id, key)
        if found is None:
            return []
        lowest = MIN_INT64 if start_step is None else start_step
        highest = MAX_INT64 if end_step is None else end_step
        return sorted(set(points_within(self._db, *found, lowest, highest).steps))

    def points_at(self, run_id: str, key: str, steps: Iterable[int]) -> list[Point]:
        wanted = set(steps)
        found = self._find(run_id, key)
        if found is None or not wanted:
            return []
        points = points_within(self._db, *found, min(wanted), max(wanted))
        return sorted(chosen(points, [step in wanted for step in points.steps]), key=lambda point: point.step)

    def _find(self, run_id: str, key: str) -> tuple[int, int] | None:
        """The integers of a run and a key, when both are there."""
        run = self._references.find_run(run_id)
        name_id = self._references.name_id(key)
        return None if run is None or name_id is None else (run.id, name_id)


def _token(run_id: str, key: str, page: Columns) -> str:
    packed = _TOKEN.pack(_series_check(run_id, key), page.times[-1], page.steps[-1], page.values[-1])
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
    return (time, step, *stored(value))


def _series_check(run_id: str, key: str) -> int:
    return zlib.crc32(f"{run_id}\n{key}".encode())
