"""Frames into a store that takes them, and into one that speaks MLflow's protocol only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from runebook.api.datasets import LogInputs, LogOutputs
from runebook.api.experiments import CreateExperiment, GetExperimentByName
from runebook.api.frames import LogFrame, Refusal, RunPart, RunStart, SeriesPart
from runebook.api.operation import Operation
from runebook.api.runs import CreateRun, LogBatch, UpdateRun
from runebook.client.transport import Transport
from runebook.core.columns import Columns
from runebook.core.errors import (
    AlreadyExists,
    BadRequest,
    InvalidParameterValue,
    InvalidState,
    NotFound,
)
from runebook.core.ids import DEFAULT_EXPERIMENT_ID, ExperimentId, RunId
from runebook.core.limits import MAX_METRICS_PER_BATCH, MAX_PARAMS_PER_BATCH, MAX_TAGS_PER_BATCH
from runebook.core.metrics import Metric
from runebook.core.tags import RUN_NAME, Tag

_REFUSED = (InvalidParameterValue, BadRequest, NotFound, InvalidState)

_logger = logging.getLogger("runebook.spool")


class FrameDelivery:
    """To a Runebook store: one operation, one transaction."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, frame: LogFrame) -> LogFrame.Reply:
        reply: LogFrame.Reply = self._transport.call(frame)
        return reply


class RunIds:
    """The ids that a server gave to runs which were started away from it."""

    def __init__(self, read: Callable[[], dict[str, str]], write: Callable[[dict[str, str]], None]) -> None:
        self._write = write
        self._ids = read()

    def of(self, run_id: str) -> RunId:
        return RunId(self._ids.get(run_id, run_id))

    def is_known(self, run_id: str) -> bool:
        return run_id in self._ids

    def note(self, run_id: str, given: str) -> None:
        self._ids[run_id] = given
        self._write(self._ids)


class BatchDelivery:
    """To an MLflow server: batches of up to 1000 points.

    A batch whose answer was lost is sent again; MLflow drops points that are equal in step, time and value.
    """

    def __init__(self, transport: Transport, run_ids: RunIds) -> None:
        self._transport = transport
        self._run_ids = run_ids

    def send(self, frame: LogFrame) -> LogFrame.Reply:
        refused: list[Refusal] = []
        for part in frame.runs:
            if part.start is not None and not self._run_ids.is_known(part.run_id):
                self._run_ids.note(part.run_id, self._start(part.start))
            run_id = self._run_ids.of(part.run_id)
            for operation in _operations(run_id, part):
                refused += self._try(part.run_id, operation)
        return LogFrame.Reply(acknowledged=frame.last, refused=refused)

    def _try(self, run_id: str, operation: Operation) -> list[Refusal]:
        try:
            self._transport.call(operation)
        except _REFUSED as error:
            if isinstance(operation, LogBatch) and len(operation.params) + len(operation.tags) > 1:
                return [refusal for single in _singles(operation) for refusal in self._try(run_id, single)]
            param = operation.params[0] if isinstance(operation, LogBatch) and operation.params else None
            return [Refusal(run_id=run_id, error_code=error.error_code, message=error.message, param=param)]
        return []

    def _start(self, start: RunStart) -> str:
        call: Callable[[Operation], Any] = self._transport.call
        tags = [tag for tag in start.tags if tag.key != RUN_NAME]
        reply: CreateRun.Reply = call(
            CreateRun(
                experiment_id=self._experiment(start),
                user_id=start.user_id,
                run_name=start.run_name,
                start_time=start.start_time,
                tags=[*tags, *([Tag(key=RUN_NAME, value=start.run_name)] if start.run_name else [])],
            )
        )
        _logger.warning("A run that was started away from the server has the id %s there.", reply.run.info.run_id)
        return reply.run.info.run_id

    def _experiment(self, start: RunStart) -> ExperimentId:
        if start.experiment_name is None:
            return ExperimentId(start.experiment_id or DEFAULT_EXPERIMENT_ID)
        try:
            made: CreateExperiment.Reply = self._transport.call(CreateExperiment(name=start.experiment_name))
        except AlreadyExists:
            found: GetExperimentByName.Reply = self._transport.call(
                GetExperimentByName(experiment_name=start.experiment_name)
            )
            return found.experiment.experiment_id
        return made.experiment_id


def delivery_to(transport: Transport, run_ids: RunIds) -> FrameDelivery | BatchDelivery:
    """The way that the store takes. Raises TemporarilyUnavailable: it cannot be asked now."""
    return FrameDelivery(transport) if transport.takes_frames() else BatchDelivery(transport, run_ids)


def _operations(run_id: RunId, part: RunPart) -> Iterator[Operation]:
    """What a part means in MLflow's words, the status last."""
    for some_params in _slices(part.params, MAX_PARAMS_PER_BATCH):
        yield LogBatch(run_id=run_id, params=some_params)
    for some_tags in _slices(part.tags, MAX_TAGS_PER_BATCH):
        yield LogBatch(run_id=run_id, tags=some_tags)
    metrics = [metric for series in part.series for metric in _metrics(series)]
    for some_metrics in _slices(metrics, MAX_METRICS_PER_BATCH):
        yield LogBatch(run_id=run_id, metrics=some_metrics)
    if part.datasets or part.models:
        yield LogInputs(run_id=run_id, datasets=part.datasets, models=part.models)
    if part.outputs:
        yield LogOutputs(run_id=run_id, models=part.outputs)
    if part.status is not None:
        yield UpdateRun(run_id=run_id, status=part.status, end_time=part.end_time)


def _singles(batch: LogBatch) -> Iterator[LogBatch]:
    """Each param and tag alone, to find the one that is refused."""
    for param in batch.params:
        yield LogBatch(run_id=batch.run_id, params=[param])
    for tag in batch.tags:
        yield LogBatch(run_id=batch.run_id, tags=[tag])


def _metrics(series: SeriesPart) -> list[Metric]:
    return [
        Metric(
            key=series.key,
            value=point.value,
            timestamp=point.time,
            step=point.step,
            model_id=series.model_id,
            dataset_name=series.dataset_name,
            dataset_digest=series.dataset_digest,
        )
        for point in Columns.from_bytes(series.steps, series.times, series.values)
    ]


def _slices(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
