"""Frames into a store that takes them, and into one that speaks MLflow's protocol only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from runebook.api.datasets import LogInputs, LogOutputs
from runebook.api.experiments import CreateExperiment, GetExperimentByName
from runebook.api.frames import LogFrame, Refusal, RunPart, RunStart, SeriesPart
from runebook.api.operation import Operation
from runebook.api.runs import CreateRun, GetRun, LogBatch, SearchRuns, UpdateRun
from runebook.client.retries import UnknownAddress
from runebook.client.transport import Transport
from runebook.core.columns import Columns
from runebook.core.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    EndpointNotFound,
    InvalidParameterValue,
    InvalidState,
    MethodNotAllowed,
    NotFound,
    NotSupported,
    RunebookError,
    TemporarilyUnavailable,
    TooLarge,
)
from runebook.core.experiments import ViewType
from runebook.core.ids import DEFAULT_EXPERIMENT_ID, ExperimentId, RunId
from runebook.core.limits import MAX_METRICS_PER_BATCH, MAX_PARAMS_PER_BATCH, MAX_TAGS_PER_BATCH
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.tags import PARENT_RUN_ID, RUN_ID, RUN_NAME, Tag

MAX_PARAM_LENGTH = 6000
MAX_TAG_LENGTH = 8000
"""Characters that an MLflow server keeps; it cuts what is longer, and says nothing."""

_REFUSED = (
    InvalidParameterValue,
    BadRequest,
    NotFound,
    InvalidState,
    Conflict,
    AlreadyExists,
    TooLarge,
    NotSupported,
)
ItemT = TypeVar("ItemT", Param, Tag)

_logger = logging.getLogger("runebook.spool")


class FrameDelivery:
    """To a Runebook store: one operation, one transaction."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, frame: LogFrame) -> LogFrame.Reply:
        reply: LogFrame.Reply = _answered(self._transport, frame)
        return reply


class RunIds:
    """The ids that a server gave to runs which were started away from it."""

    def __init__(
        self,
        read: Callable[[], dict[str, str]],
        write: Callable[[dict[str, str]], None],
        known: Mapping[str, str] | None = None,
    ) -> None:
        self._write = write
        self._ids: dict[str, str] = {**(known or {}), **read()}

    @property
    def given(self) -> Mapping[str, str]:
        """All of them, by the ids here."""
        return self._ids

    def of(self, run_id: str) -> RunId:
        return RunId(self._ids.get(run_id, run_id))

    def is_known(self, run_id: str) -> bool:
        return run_id in self._ids

    def note(self, run_id: str, given: str) -> None:
        self._ids[run_id] = given
        self._write(self._ids)


class BatchDelivery:
    """To an MLflow server: batches of up to 1000 points.

    A batch whose answer was lost is sent again; MLflow drops points that are equal in step, time and value. A run that
    was started away from it is known by the tag `runebook.run_id`, so it is made once, whatever is lost.
    """

    def __init__(self, transport: Transport, run_ids: RunIds) -> None:
        self._call = partial(_answered, transport)
        self._run_ids = run_ids

    def send(self, frame: LogFrame) -> LogFrame.Reply:
        refused: list[Refusal] = []
        for part in frame.runs:
            try:
                refused += self._start(part)
            except _REFUSED as error:
                refused.append(_refusal(part.run_id, error))
                continue
            operations, too_long = _operations(self._run_ids.of(part.run_id), part)
            refused += too_long
            for operation in operations:
                refused += self._try(part.run_id, operation)
        return LogFrame.Reply(acknowledged=frame.last, refused=refused)

    def _try(self, run_id: str, operation: Operation) -> list[Refusal]:
        """Do it; of params and tags that are refused together, those that are not at fault."""
        try:
            self._call(operation)
        except _REFUSED as error:
            if not isinstance(operation, LogBatch):
                return [_refusal(run_id, error, f"{type(operation).spec.name}: ")]
            singles = _singles(operation)
            if len(singles) > 1:
                return [refusal for single in singles for refusal in self._try(run_id, single)]
            about = [f"Tag {tag.key!r}: " for tag in operation.tags]
            about += [f"Metric {metric.key!r}: " for metric in operation.metrics[:1]]
            return [_refusal(run_id, error, "".join(about), operation.params[0] if operation.params else None)]
        return []

    def _start(self, part: RunPart) -> list[Refusal]:
        """Make the run of a part that starts it, unless it is there. Returns what it could not be made with."""
        start = part.start
        if start is None or self._run_ids.is_known(part.run_id):
            return []
        experiment_id = self._experiment(start)
        tags, long_tags = _by_length(start.tags, MAX_TAG_LENGTH)
        there = self._is_there(part.run_id) or self._made_before(part.run_id, experiment_id)
        self._run_ids.note(part.run_id, there or self._make(part.run_id, start, tags, experiment_id))
        return [_too_long(part.run_id, tag, MAX_TAG_LENGTH) for tag in long_tags]

    def _is_there(self, run_id: RunId) -> str | None:
        """The id of a run that was resumed away from the server, and has its id from there."""
        try:
            self._call(GetRun(run_id=run_id))
        except (NotFound, InvalidParameterValue):  # the latter of an id that no MLflow server gives
            return None
        return run_id

    def _made_before(self, run_id: str, experiment_id: ExperimentId) -> str | None:
        """The run that was made for this one when the answer was lost, or by another machine."""
        found: SearchRuns.Reply = self._call(
            SearchRuns(
                experiment_ids=[experiment_id],
                filter=f"tags.`{RUN_ID}` = '{run_id}'",
                run_view_type=ViewType.ALL,
                max_results=1,
            )
        )
        return found.runs[0].info.run_id if found.runs else None

    def _make(self, run_id: str, start: RunStart, tags: Sequence[Tag], experiment_id: ExperimentId) -> str:
        given = {tag.key: tag.value for tag in tags} | {RUN_ID: run_id}
        if PARENT_RUN_ID in given:
            given[PARENT_RUN_ID] = self._run_ids.of(given[PARENT_RUN_ID])
        if start.run_name:
            given[RUN_NAME] = start.run_name
        reply: CreateRun.Reply = self._call(
            CreateRun(
                experiment_id=experiment_id,
                user_id=start.user_id,
                run_name=start.run_name,
                start_time=start.start_time,
                tags=[Tag(key=key, value=value) for key, value in given.items()],
            )
        )
        _logger.warning(
            "Run %s, which was started away from the server, has the id %s there.", run_id, reply.run.info.run_id
        )
        return reply.run.info.run_id

    def _experiment(self, start: RunStart) -> ExperimentId:
        if start.experiment_id or not start.experiment_name:
            return ExperimentId(start.experiment_id or DEFAULT_EXPERIMENT_ID)
        try:
            return self._named(start.experiment_name)
        except NotFound:
            try:
                made: CreateExperiment.Reply = self._call(CreateExperiment(name=start.experiment_name))
            except AlreadyExists:  # meanwhile
                return self._named(start.experiment_name)
            return made.experiment_id

    def _named(self, name: str) -> ExperimentId:
        found: GetExperimentByName.Reply = self._call(GetExperimentByName(experiment_name=name))
        return found.experiment.experiment_id


def _answered(transport: Transport, operation: Operation) -> Any:
    """The store's answer. That there is no such address is none: a proxy says so while the server behind it is away."""
    try:
        return transport.call(operation)
    except (UnknownAddress, EndpointNotFound, MethodNotAllowed) as error:
        name = type(operation).spec.name
        if isinstance(operation, (LogInputs, LogOutputs)):
            raise NotSupported(f"This server does not know {name}: {error}") from error
        raise TemporarilyUnavailable(
            f"{name} is unknown at {transport.uri}, so it is no tracking server: {error}"
        ) from error


def delivery_to(transport: Transport, run_ids: RunIds) -> FrameDelivery | BatchDelivery:
    """The way that the store takes. Raises TemporarilyUnavailable: it cannot be asked now."""
    return FrameDelivery(transport) if transport.takes_frames() else BatchDelivery(transport, run_ids)


def _operations(run_id: RunId, part: RunPart) -> tuple[list[Operation], list[Refusal]]:
    """What a part means in MLflow's words, the status last; and what of it an MLflow server would cut."""
    params, long_params = _by_length(part.params, MAX_PARAM_LENGTH)
    tags, long_tags = _by_length(part.tags, MAX_TAG_LENGTH)
    metrics = [metric for series in part.series for metric in _metrics(series)]
    operations: list[Operation] = [
        *(LogBatch(run_id=run_id, params=some) for some in _slices(params, MAX_PARAMS_PER_BATCH)),
        *(LogBatch(run_id=run_id, tags=some) for some in _slices(tags, MAX_TAGS_PER_BATCH)),
        *(LogBatch(run_id=run_id, metrics=some) for some in _slices(metrics, MAX_METRICS_PER_BATCH)),
    ]
    if part.datasets or part.models:
        operations.append(LogInputs(run_id=run_id, datasets=part.datasets, models=part.models))
    if part.outputs:
        operations.append(LogOutputs(run_id=run_id, models=part.outputs))
    if part.status is not None:
        operations.append(UpdateRun(run_id=run_id, status=part.status, end_time=part.end_time))
    refused = [_too_long(part.run_id, param, MAX_PARAM_LENGTH) for param in long_params]
    return operations, refused + [_too_long(part.run_id, tag, MAX_TAG_LENGTH) for tag in long_tags]


def _by_length(items: Sequence[ItemT], limit: int) -> tuple[list[ItemT], list[ItemT]]:
    return [item for item in items if len(item.value) <= limit], [item for item in items if len(item.value) > limit]


def _too_long(run_id: str, item: Param | Tag, limit: int) -> Refusal:
    what = "param" if isinstance(item, Param) else "tag"
    error = InvalidParameterValue(
        f"The {what} {item.key!r} has {len(item.value)} characters; an MLflow server keeps {limit}. Log a longer text "
        "as an artifact (log_text)."
    )
    return _refusal(run_id, error, param=item if isinstance(item, Param) else None)


def _refusal(run_id: str, error: RunebookError, about: str = "", param: Param | None = None) -> Refusal:
    return Refusal(run_id=run_id, error_code=error.error_code, message=about + error.message, param=param)


def _singles(batch: LogBatch) -> list[LogBatch]:
    """Each param and tag and each series alone, to find what is refused."""
    series: dict[tuple[str | None, ...], list[Metric]] = {}
    for metric in batch.metrics:
        of_what = (metric.key, metric.model_id, metric.dataset_name, metric.dataset_digest)
        series.setdefault(of_what, []).append(metric)
    return [
        *(LogBatch(run_id=batch.run_id, params=[param]) for param in batch.params),
        *(LogBatch(run_id=batch.run_id, tags=[tag]) for tag in batch.tags),
        *(LogBatch(run_id=batch.run_id, metrics=metrics) for metrics in series.values()),
    ]


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
