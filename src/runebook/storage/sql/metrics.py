"""Append-only series of points, and their summaries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from runebook.core.columns import Columns
from runebook.core.ids import WriterId
from runebook.core.metrics import Metric, Point
from runebook.storage.sql.dialects import Rows
from runebook.storage.sql.metric_fold import fold_run
from runebook.storage.sql.metric_frames import encode_frame
from runebook.storage.sql.metric_history import SqlMetricHistory
from runebook.storage.sql.metric_summaries import summarize, update_summaries
from runebook.storage.sql.values import stored

METRIC_FRAMES = Rows("metric_frames", ("writer", "sequence"), ("run", "points", "folded_time", "payload"))
LOGGED_MODEL_METRICS = Rows(
    "logged_model_metrics",
    ("model", "name_id"),
    ("experiment_id", "run_id", "dataset_name", "dataset_digest", "step", "time", "kind", "value"),
)


class SqlMetricStore(SqlMetricHistory):
    """See `MetricStore`. Appends to one run wait for each other; those to different runs do not."""

    def append(self, run_id: str, metrics: Sequence[Metric], *, writer: WriterId | None, sequence: int) -> None:
        run = self._references.locked_run(run_id)
        models = self._references.models(metric.model_id for metric in metrics if metric.model_id)
        ids = self._references.name_ids(metric.key for metric in metrics)
        by_name: dict[int, list[Point]] = defaultdict(list)
        for metric in metrics:
            by_name[ids[metric.key]].append(_point(metric))
        payload = encode_frame([(name_id, Columns.of(points)) for name_id, points in by_name.items()])
        frame = (writer, sequence, run.id, len(metrics), 0, payload)
        if writer is None:
            self._db.insert(METRIC_FRAMES, [frame])
        elif not self._db.insert_missing(METRIC_FRAMES, [frame]):
            return
        update_summaries(self._db, run, {name_id: summarize(found) for name_id, found in by_name.items()})
        self._db.insert(
            LOGGED_MODEL_METRICS,
            [
                (
                    *(models[metric.model_id].id, ids[metric.key], models[metric.model_id].experiment_id, run_id),
                    *(metric.dataset_name, metric.dataset_digest, metric.step, metric.timestamp),
                    *stored(metric.value),
                )
                for metric in metrics
                if metric.model_id
            ],
        )

    def fold(self, run_id: str, *, at_least: int = 1) -> int:
        return fold_run(self._db, self._references.locked_run(run_id).id, at_least)


def _point(metric: Metric) -> Point:
    return Point(metric.step, metric.timestamp, metric.value)
