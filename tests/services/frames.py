"""Frames and what becomes of them, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runebook.api.frames import LogFrame, RunPart, RunStart, SeriesPart
from runebook.core.columns import Columns
from runebook.core.ids import RunId, new_run_id
from runebook.core.metrics import Point
from runebook.core.runs import Run
from runebook.services.context import OWNER
from runebook.services.dispatch import Services
from runebook.services.frames import log_all
from runebook.services.log_requests import Loggable

START = RunStart(start_time=1000, run_name="begun away")


def series_part(key: str, points: Sequence[Point], **fields: Any) -> SeriesPart:
    steps, times, values = Columns.of(points).to_bytes()
    return SeriesPart(key=key, steps=steps, times=times, values=values, **fields)


def frame(*parts: RunPart, writer: str = "w", first: int = 1, last: int | None = None) -> LogFrame:
    return LogFrame(writer=writer, first=first, last=last or first, runs=list(parts))


def begun(services: Services, writer: str = "starter") -> RunId:
    """A run that a frame made."""
    run_id = new_run_id()
    services.call(frame(RunPart(run_id=run_id, start=START), writer=f"{writer} of {run_id}"))
    return run_id


def together(services: Services, *requests: Loggable) -> list[Any]:
    """What became of requests that were committed together."""
    with services.storage.write() as tx:
        return log_all(tx, requests, services.context(OWNER))


def run_of(services: Services, run_id: str) -> Run:
    with services.storage.read() as tx:
        return tx.runs.get(run_id)


def points_of(services: Services, run_id: str, key: str = "loss") -> list[Point]:
    with services.storage.read() as tx:
        items = tx.metrics.history(run_id, key).items
    return [Point(item.step, item.timestamp, item.value) for item in items]


def params_of(services: Services, run_id: str) -> dict[str, str]:
    return {param.key: param.value for param in run_of(services, run_id).data.params}


def tags_of(services: Services, run_id: str) -> dict[str, str]:
    return {tag.key: tag.value for tag in run_of(services, run_id).data.tags}
