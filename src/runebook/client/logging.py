"""The way of what a run logs, from every API of the client to the store.

All writing into runs passes here, and nothing else does: this is the seam where the spool goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from runebook.api.metrics import LogMetric
from runebook.api.params import LogParam
from runebook.api.runs import LogBatch, UpdateRun
from runebook.api.tags import SetTag
from runebook.client.transport import Transport
from runebook.core.ids import RunId
from runebook.core.limits import (
    MAX_ENTITIES_PER_BATCH,
    MAX_METRICS_PER_BATCH,
    MAX_PARAMS_PER_BATCH,
    MAX_TAGS_PER_BATCH,
)
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import Tag


class RunLog:
    """Writes into runs of one store. Each call returns when the store has it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def metric(self, run_id: RunId, metric: Metric) -> None:
        self._transport.call(
            LogMetric(
                run_id=run_id,
                key=metric.key,
                value=metric.value,
                timestamp=metric.timestamp,
                step=metric.step,
                model_id=metric.model_id,
                dataset_name=metric.dataset_name,
                dataset_digest=metric.dataset_digest,
            )
        )

    def param(self, run_id: RunId, param: Param) -> None:
        self._transport.call(LogParam(run_id=run_id, key=param.key, value=param.value))

    def tag(self, run_id: RunId, tag: Tag) -> None:
        self._transport.call(SetTag(run_id=run_id, key=tag.key, value=tag.value))

    def batch(
        self, run_id: RunId, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[Tag] = ()
    ) -> None:
        """All or nothing up to the limits of one batch; what exceeds them goes in several."""
        left_metrics, left_params, left_tags = iter(metrics), iter(params), iter(tags)
        while True:
            some_params = list(islice(left_params, MAX_PARAMS_PER_BATCH))
            some_tags = list(islice(left_tags, MAX_TAGS_PER_BATCH))
            room = min(MAX_METRICS_PER_BATCH, MAX_ENTITIES_PER_BATCH - len(some_params) - len(some_tags))
            some_metrics = list(islice(left_metrics, room))
            if not (some_metrics or some_params or some_tags):
                return
            self._transport.call(LogBatch(run_id=run_id, metrics=some_metrics, params=some_params, tags=some_tags))

    def status(self, run_id: RunId, status: RunStatus, end_time: int | None = None) -> None:
        self._transport.call(UpdateRun(run_id=run_id, status=status, end_time=end_time))
