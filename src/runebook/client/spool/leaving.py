"""Ships what processes left that are gone, or that do not ship themselves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, field

from runebook.api.frames import LogFrame, RunPart
from runebook.client.spool.artifacts import upload_files
from runebook.client.spool.courier import Courier, Delivery
from runebook.client.spool.delivery import RunIds, delivery_to
from runebook.client.spool.folder import describe, is_owned, left_folders
from runebook.client.spool.left import LeftSpool
from runebook.client.transport import Transport
from runebook.core.errors import RunebookError
from runebook.core.ids import RunId
from runebook.core.runs import RunStatus

_logger = logging.getLogger("runebook.spool")


class Tally(Struct):
    """What was shipped of a spool so far."""

    runs: set[str] = field(default_factory=set)
    records: int = 0
    record_bytes: int = 0
    files: int = 0
    file_bytes: int = 0
    refused: int = 0
    files_refused: int = 0
    first_error: RunebookError | None = None
    """Why the first of the files was refused."""


def ship_left(root: Path, transport: Transport) -> Iterator[None]:
    """Ship the spools of this store that processes left behind, one frame a step."""
    for path in left_folders(root):
        description = describe(path)
        if description is None or description.tracking_uri != transport.uri or is_owned(path):
            continue
        try:
            spool = LeftSpool.take(path)
            if spool is None:
                continue
            try:
                yield from ship_spool(spool, transport.for_shipping(), Tally())
            finally:
                spool.close()
        except RunebookError as error:
            _logger.warning("What another process left in %s cannot be shipped now: %s", path, error)


def ship_spool(spool: LeftSpool, transport: Transport, tally: Tally) -> Iterator[None]:
    """Ship one spool, one frame or file a step; then end the runs that its process did not get to end.

    Raises:
        RunebookError: the store cannot take anything now, or the spool cannot be read.

    """
    run_ids = RunIds(spool.folder.read_run_ids, spool.folder.write_run_ids)
    delivery = delivery_to(transport, run_ids)
    courier = Courier(spool, _Noting(delivery, tally))
    while True:
        refused = courier.ship()
        if refused is not None:
            tally.records, tally.record_bytes = spool.shipped[1:]
            tally.refused += len(refused)
            yield
        elif not spool.has_been_left():
            break
    for upload in upload_files(spool.folder.path, transport, run_ids):
        if upload.error is not None:
            tally.files_refused += 1
            tally.first_error = tally.first_error or upload.error
            _logger.error("Run %s: its store does not take the file %s: %s", *upload[:2], upload.error)
        else:
            tally.files += 1
            tally.file_bytes += upload.size_bytes
        yield
    if not spool.is_owned and not spool.folder.has_ended_runs():
        end_runs(spool, delivery)
        spool.folder.note_ended_runs()


def end_runs(spool: LeftSpool, delivery: Delivery) -> None:
    """End what is running still: its process is gone. Another writer of the same run keeps it running.

    The frame follows the last of the spool's own, so that it is added once however often this is interrupted, and so
    that the lease which is left is that of the writer which goes.
    """
    parts = [
        RunPart(
            run_id=RunId(run_id),
            status=RunStatus.KILLED,
            end_time=last_time,
            leaves=True,
        )
        for run_id, last_time in spool.runs_without_end().items()
    ]
    if parts:
        number = spool.acknowledged + 1
        delivery.send(LogFrame(writer=spool.writer, first=number, last=number, runs=parts))


class _Noting:
    """A delivery that notes which runs it was about."""

    def __init__(self, delivery: Delivery, tally: Tally) -> None:
        self._delivery = delivery
        self._tally = tally

    def send(self, frame: LogFrame) -> LogFrame.Reply:
        reply = self._delivery.send(frame)
        self._tally.runs.update(part.run_id for part in frame.runs)
        return reply
