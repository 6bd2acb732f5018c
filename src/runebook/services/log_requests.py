"""What is asked to be logged, checked and brought into one form: parts, each of which adds to one run."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct, field

from runebook.api.frames import LogFrame, Refusal, RunPart, SeriesPart
from runebook.api.metrics import LogMetric
from runebook.api.params import LogParam
from runebook.api.runs import LogBatch
from runebook.api.tags import SetTag
from runebook.core import checks, limits
from runebook.core.columns import Columns
from runebook.core.dataset_checks import check_inputs, check_outputs
from runebook.core.errors import InvalidParameterValue, RunebookError
from runebook.core.ids import WriterId
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.tags import Tag
from runebook.services.run_rules import (
    check_chosen_run_id,
    check_new_run,
    check_param,
    check_params,
    chosen_run_name,
    renamed_to,
)
from runebook.storage.base import Series

Loggable: TypeAlias = LogFrame | LogMetric | LogBatch | LogParam | SetTag

MAX_WRITER_LENGTH = 64
MAX_LEASE_MS = 24 * 60 * 60 * 1000


class Part(Struct):
    """What one request, or one part of a frame, adds to one run, and what of it was refused."""

    run_id: str
    series: list[Series] = []
    params: Sequence[Param] = ()
    tags: Sequence[Tag] = ()
    frame: RunPart | None = None
    """The part of the frame that this is; without it, the request is taken whole or refused whole."""
    writer: WriterId = WriterId("")
    error: RunebookError | None = None
    """Why nothing of it is taken."""
    conflicts: list[tuple[Param, RunebookError]] = field(default_factory=list)
    refused: list[RunebookError] = field(default_factory=list)
    """Why pieces of a frame's part are not taken."""

    def refusals(self) -> list[Refusal]:
        """What is said of it in the reply to a frame."""
        if self.error is not None:
            return [self._refusal(self.error)]
        return [self._refusal(error, param) for param, error in self.conflicts] + list(map(self._refusal, self.refused))

    def _refusal(self, error: RunebookError, param: Param | None = None) -> Refusal:
        return Refusal(run_id=self.run_id, error_code=error.error_code, message=error.message, param=param)


def parts_of(request: Loggable) -> list[Part]:
    """Raises InvalidParameterValue: the request is malformed."""
    if isinstance(request, LogMetric):
        return [_of_metric(request)]
    if isinstance(request, LogFrame):
        return _of_frame(request)
    if isinstance(request, LogBatch):
        return [_of_batch(request)]
    key, value = request.key, request.value
    checks.check_key(key, "key")
    checks.check_value(value, "value")
    checks.check_run_id(request.run_id)
    if isinstance(request, LogParam):
        return [Part(run_id=request.run_id, params=(Param(key=key, value=value),))]
    return [Part(run_id=request.run_id, tags=(Tag(key=key, value=value),))]


def _of_metric(request: LogMetric) -> Part:
    metric = Metric(
        key=request.key,
        value=request.value,
        timestamp=request.timestamp,
        step=request.step,
        model_id=request.model_id or None,
        dataset_name=request.dataset_name or None,
        dataset_digest=request.dataset_digest or None,
    )
    checks.check_metric(metric)
    checks.check_run_id(request.run_id)
    columns = Columns(array("q", (metric.step,)), array("q", (metric.timestamp,)), array("d", (metric.value,)))
    one = Series(metric.key, columns, metric.model_id, metric.dataset_name, metric.dataset_digest)
    return Part(run_id=request.run_id, series=[one])


def _of_batch(request: LogBatch) -> Part:
    _check_batch_size(request)
    series = _series_of(request.metrics)
    check_params(request.params)
    checks.check_tags(request.tags)
    checks.check_run_id(request.run_id)
    return Part(run_id=request.run_id, series=series, params=request.params, tags=request.tags)


def _check_batch_size(request: LogBatch) -> None:
    for noun, items, limit in (
        ("metrics", request.metrics, limits.MAX_METRICS_PER_BATCH),
        ("params", request.params, limits.MAX_PARAMS_PER_BATCH),
        ("tags", request.tags, limits.MAX_TAGS_PER_BATCH),
    ):
        if len(items) > limit:
            raise InvalidParameterValue(
                f"A batch logging request can contain at most {limit} {noun}. Got {len(items)} {noun}. "
                f"Please split up {noun} across multiple requests and try again."
            )
    total = len(request.metrics) + len(request.params) + len(request.tags)
    if total > limits.MAX_ENTITIES_PER_BATCH:
        raise InvalidParameterValue(
            f"A batch logging request can contain at most {limits.MAX_ENTITIES_PER_BATCH} metrics, params and tags in "
            f"total. Got {total}. Please split them across multiple requests and try again."
        )


def _series_of(metrics: Sequence[Metric]) -> list[Series]:
    """The points of a batch by what they are measured of; each name is checked once."""
    found: dict[tuple[str | None, ...], list[Metric]] = {}
    for metric in metrics:
        identity = (metric.key, metric.model_id, metric.dataset_name, metric.dataset_digest)
        if identity in found:
            found[identity].append(metric)
        else:
            found[identity] = [metric]
    try:
        checks.check_metrics([points[0] for points in found.values()])
        series = [_one_series(points) for points in found.values()]
    except (InvalidParameterValue, OverflowError, TypeError):
        checks.check_metrics(metrics)  # says which one it is
        raise
    return series


def _one_series(points: Sequence[Metric]) -> Series:
    """Raises OverflowError: a step or a time is out of range."""
    first = points[0]
    times = [point.timestamp for point in points]
    if min(times) < 0:
        raise OverflowError
    columns = Columns(
        array("q", [point.step for point in points]), array("q", times), array("d", [point.value for point in points])
    )
    return Series(first.key, columns, first.model_id or None, first.dataset_name, first.dataset_digest)


def _of_frame(request: LogFrame) -> list[Part]:
    checks.check_text(request.writer, "writer", max_length=MAX_WRITER_LENGTH, required=True)
    checks.check_int64(request.first, "first", at_least=1)
    if request.first > request.last:
        raise checks.invalid(request.last, "last", f"It is less than 'first', {request.first}.")
    checks.check_int64(request.last, "last")
    return [_of_part(part, request.writer, f"runs[{number}].") for number, part in enumerate(request.runs)]


def _of_part(part: RunPart, writer: str, prefix: str) -> Part:
    checks.check_run_id(part.run_id, f"{prefix}run_id")
    if part.start is not None:
        check_chosen_run_id(part.run_id)
        check_new_run(part.start.user_id, part.start.start_time, part.start.tags)
        chosen_run_name(part.start.run_name, part.start.tags)
        if part.start.experiment_id is not None:
            checks.check_experiment_id(part.start.experiment_id)
        elif part.start.experiment_name is not None:
            checks.check_experiment_name(part.start.experiment_name, f"{prefix}start.experiment_name")
    for number, param in enumerate(part.params):
        check_param(param, f"{prefix}params[{number}].")
    checks.check_tags(part.tags, f"{prefix}tags")
    renamed_to(part.tags)
    check_inputs(part.datasets, part.models, prefix)
    check_outputs(part.outputs, f"{prefix}outputs")
    if part.lease_ms is not None and not 0 < part.lease_ms <= MAX_LEASE_MS:
        raise checks.invalid(part.lease_ms, f"{prefix}lease_ms", f"It must lie between 1 and {MAX_LEASE_MS}.")
    if part.end_time is not None:
        checks.check_int64(part.end_time, f"{prefix}end_time", at_least=0)
    return Part(
        run_id=part.run_id,
        series=[_sent_series(one, f"{prefix}series[{number}].") for number, one in enumerate(part.series)],
        params=part.params,
        tags=part.tags,
        frame=part,
        writer=WriterId(writer),
    )


def _sent_series(part: SeriesPart, prefix: str) -> Series:
    try:
        columns = Columns.from_bytes(part.steps, part.times, part.values)
    except ValueError as error:
        raise InvalidParameterValue(
            f"The columns of {prefix}{part.key[:300]!r} are no numbers of 8 bytes: {error}."
        ) from None
    if not bytes(part.times[7::8]).isascii():  # the byte with the sign
        raise checks.invalid(min(columns.times), f"{prefix}times", "Times are not negative.")
    dataset = (part.dataset_name or None, part.dataset_digest or None)
    named = Metric(key=part.key, value=0.0, timestamp=0, dataset_name=dataset[0], dataset_digest=dataset[1])
    checks.check_metric(named, prefix)
    return Series(part.key, columns, part.model_id or None, *dataset)
