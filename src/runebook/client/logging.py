"""The way of what a run logs, from every API of the client to the store.

All writing into runs passes here, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from runebook.api.datasets import LogInputs, LogOutputs
from runebook.api.metrics import LogMetric
from runebook.api.operation import Operation
from runebook.api.params import LogParam
from runebook.api.runs import LogBatch, UpdateRun
from runebook.api.tags import SetTag
from runebook.client.spool.recorder import Recorder
from runebook.client.transport import Transport
from runebook.core.datasets import DatasetInput, ModelInput, ModelOutput
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


class RunLog(Protocol):
    """Writes into runs of one store. What is wrong with a call is raised by it, and then nothing of it is written."""

    @property
    def is_away(self) -> bool:
        """Whether the store could not be reached when it was last tried, or is not to be."""

    def metric(self, run_id: RunId, metric: Metric) -> None: ...

    def param(self, run_id: RunId, param: Param) -> None: ...

    def tag(self, run_id: RunId, tag: Tag) -> None: ...

    def batch(
        self, run_id: RunId, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[Tag] = ()
    ) -> None: ...

    def inputs(self, run_id: RunId, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None: ...

    def outputs(self, run_id: RunId, models: Sequence[ModelOutput]) -> None: ...

    def status(self, run_id: RunId, status: RunStatus, end_time: int | None = None, *, leaves: bool = False) -> None:
        """Set the status; with `leaves`, only once no other writer is at work on the run."""

    def flush(self, seconds: float | None = None) -> None:
        """Wait until the store has everything that was written here.

        Raises:
            TemporarilyUnavailable: it has not, within the seconds, or because nothing moves.
            RunebookError: the store refused something of it; all else is there.

        """

    def settle(self) -> None:
        """As `flush`, before something is read; what was refused is not this caller's business."""

    def take_in(self, run_id: RunId, params: dict[str, str]) -> Recorder | None:
        """Be at work on a run, which has these params, until it is finished. Returns a quicker way into it."""

    def finish(self, run_id: RunId) -> None:
        """No longer be at work on a run. Waits for the store, and says what could not be brought there in time."""

    def puts_off(self, again: Callable[[], object]) -> bool:
        """For a signal handler: whether it came in the middle of writing. Then `again` is called when that is done."""

    def last_word(self) -> None:
        """Wait a little for what was written last, as a signal handler does; it may be shipped later all the same."""

    def addressed(self, operation: Operation) -> Operation:
        """The operation with the id that the run has in the store, where that gave it another than it had here."""

    def forget(self, run_id: str) -> None:
        """Ask the store about this run before anything more is written into it."""


class DirectLog:
    """Each call returns when the store has it: for stores that live in this process and die with it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def is_away(self) -> bool:
        return False

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

    def inputs(self, run_id: RunId, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None:
        self._transport.call(LogInputs(run_id=run_id, datasets=list(datasets), models=list(models)))

    def outputs(self, run_id: RunId, models: Sequence[ModelOutput]) -> None:
        self._transport.call(LogOutputs(run_id=run_id, models=list(models)))

    def status(self, run_id: RunId, status: RunStatus, end_time: int | None = None, *, leaves: bool = False) -> None:
        del leaves  # there is no other process that could write to such a store
        self._transport.call(UpdateRun(run_id=run_id, status=status, end_time=end_time))

    def flush(self, seconds: float | None = None) -> None:
        """Nothing is ever on its way."""

    def settle(self) -> None:
        """Nothing is ever on its way."""

    def take_in(self, run_id: RunId, params: dict[str, str]) -> Recorder | None:
        """Nobody asks who is at work."""
        del run_id, params
        return None

    def finish(self, run_id: RunId) -> None:
        """Nobody asks who is at work."""

    def puts_off(self, again: Callable[[], object]) -> bool:
        """The transport puts it off by itself."""
        del again
        return False

    def last_word(self) -> None:
        """Nothing is ever on its way."""

    def addressed(self, operation: Operation) -> Operation:
        """A run has one id."""
        return operation

    def forget(self, run_id: str) -> None:
        """Nothing is remembered."""
