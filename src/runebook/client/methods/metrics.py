"""Methods on metrics."""

from __future__ import annotations

from runebook.api.metrics import GetMetricHistory
from runebook.client.entities import Metric
from runebook.client.methods.base import Methods
from runebook.client.run_operations import RunOperations
from runebook.client.values import key_text, make_metric
from runebook.core.ids import RunId
from runebook.core.limits import MAX_HISTORY_PAGE


class MetricMethods(Methods):
    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """One point: now, at step 0, unless said otherwise."""
        metric = make_metric(key, value, timestamp, step, model_id, dataset_name, dataset_digest)
        return self._perform(lambda: self.log.metric(RunId(run_id), metric), synchronous)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every point, by time, then step, then value."""
        points: list[Metric] = []
        token: str | None = None
        while True:
            reply: GetMetricHistory.Reply = self._call(
                GetMetricHistory(
                    run_id=RunId(run_id), metric_key=key_text(key), max_results=MAX_HISTORY_PAGE, page_token=token
                )
            )
            points.extend(Metric.of(metric) for metric in reply.metrics)
            token = reply.next_page_token
            if not token:
                return points
