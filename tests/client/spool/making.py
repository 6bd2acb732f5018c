"""Spools to try, and what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from runebook.api.frames import LogFrame, RunPart
from runebook.client.spool.courier import Source
from runebook.client.spool.folder import make_folder
from runebook.client.spool.names import SeriesName
from runebook.client.spool.spool import Spool
from runebook.core.columns import Columns
from runebook.core.ids import RunId, new_writer_id
from runebook.core.tags import Tag

RUN = RunId("0" * 32)
LOSS = SeriesName(RUN, "loss")
STORE = "sqlite:////nowhere/store.db"
MEGABYTE = 1024 * 1024


def new_spool(root: Path, *, limit_bytes: int = 64 * MEGABYTE, is_shipped: bool = True) -> Spool:
    return Spool(
        make_folder(root, new_writer_id(), STORE, is_shipped=is_shipped), limit_bytes=limit_bytes, is_shipped=is_shipped
    )


def tags(text: str) -> RunPart:
    """A part that is about as long as the text."""
    return RunPart(run_id=RUN, tags=[Tag(key="t", value=text)])


class Content(NamedTuple):
    """What was gathered from a spool, frame by frame."""

    frames: list[LogFrame]

    def columns(self, key: str = "loss") -> Columns:
        return Columns.joined(
            Columns.from_bytes(series.steps, series.times, series.values)
            for frame in self.frames
            for run in frame.runs
            for series in run.series
            if series.key == key
        )

    def steps(self, key: str = "loss") -> list[int]:
        return list(self.columns(key).steps)

    def tags(self) -> list[str]:
        return [tag.value for frame in self.frames for run in frame.runs for tag in run.tags]


def take_all(source: Source, max_records: int = 50_000) -> Content:
    """Gather and acknowledge until nothing is left."""
    frames: list[LogFrame] = []
    while True:
        first = source.acknowledged + 1
        gathering, until = source.gather(first, max_records)
        if until < first:
            return Content(frames)
        frames.append(gathering.operation(source.writer, first, until))
        source.acknowledge(until)


def runs_of(content: Content) -> Sequence[RunPart]:
    return [run for frame in content.frames for run in frame.runs]
