"""Append-only series of points, and their summaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runebook.core.columns import Columns
from runebook.storage.base import Series
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.metric_fold import METRIC_FRAMES, fold_within
from runebook.storage.sql.metric_frames import encode_frame
from runebook.storage.sql.metric_history import SqlMetricHistory
from runebook.storage.sql.metric_summaries import Summary, summarize, update_summaries
from runebook.storage.sql.references import RunReference
from runebook.storage.sql.session import Row
from runebook.storage.sql.values import stored

LOGGED_MODEL_METRICS = Rows(
    "logged_model_metrics",
    ("model", "name_id"),
    ("experiment_id", "run_id", "dataset_name", "dataset_digest", "step", "time", "kind", "value"),
)


class SqlMetricStore(SqlMetricHistory):
    """See `MetricStore`. Appends to one run wait for each other; those to different runs do not."""

    def append(self, series: Mapping[str, Sequence[Series]]) -> None:
        runs = self._references.locked_runs(series)
        of_models = [(run_id, one) for run_id, many in series.items() for one in many if one.model_id]
        models = self._references.models(one.model_id for _, one in of_models if one.model_id)
        ids = self._references.name_ids(one.key for many in series.values() for one in many)
        frames: list[Row] = []
        summaries: dict[tuple[RunReference, int], Summary] = {}
        for run_id in sorted(series):
            run = runs[run_id]
            by_name = _by_name(series[run_id], ids)
            if by_name:
                points = sum(map(len, by_name.values()))
                frames.append((run.id, points, encode_frame(list(by_name.items()))))
                summaries |= {(run, name_id): summarize(columns) for name_id, columns in by_name.items()}
        self._db.insert(METRIC_FRAMES, frames)
        update_summaries(self._db, summaries)
        self._db.insert(
            LOGGED_MODEL_METRICS,
            [
                (model.id, ids[one.key], model.experiment_id, run_id, one.dataset_name, one.dataset_digest, *point)
                for run_id, one in of_models
                if (model := models.get(one.model_id or ""))
                for point in _rows(one.points)
            ],
        )

    def fold(self, run_id: str, *, at_least: int = 1) -> int:
        return fold_within(self._db, self._references.locked_run(run_id).id, at_least)


def _by_name(series: Iterable[Series], ids: Mapping[str, int]) -> dict[int, Columns]:
    """All points of each name. The columns that came are not changed."""
    found: dict[int, list[Columns]] = {}
    for one in series:
        if len(one.points):
            found.setdefault(ids[one.key], []).append(one.points)
    return {name_id: parts[0] if len(parts) == 1 else Columns.joined(parts) for name_id, parts in sorted(found.items())}


def _rows(points: Columns) -> Iterable[Row]:
    for step, time, value in zip(points.steps, points.times, points.values, strict=True):
        yield (step, time, *stored(value))
