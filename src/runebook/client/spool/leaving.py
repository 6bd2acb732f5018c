"""Ships what processes left that are gone, or that do not ship themselves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from runebook.api.frames import LogFrame, RunPart
from runebook.client.spool.courier import Courier, Delivery
from runebook.client.spool.delivery import RunIds, delivery_to
from runebook.client.spool.folder import describe, is_owned, left_folders
from runebook.client.spool.left import LeftSpool
from runebook.client.transport import Transport
from runebook.core.errors import RunebookError
from runebook.core.ids import RunId
from runebook.core.runs import RunStatus

_logger = logging.getLogger("runebook.spool")


def ship_left(root: Path, transport: Transport) -> Iterator[None]:
    """Ship the spools of this store that processes left behind, one frame a step."""
    for path in left_folders(root):
        description = describe(path)
        if description is None or description.tracking_uri != transport.uri or is_owned(path):
            continue
        spool = LeftSpool.take(path)
        if spool is None:
            continue
        try:
            yield from ship_spool(spool, transport.for_shipping())
        except RunebookError as error:
            _logger.warning("What another process left in %s cannot be shipped now: %s", path, error)
        finally:
            spool.close()


def ship_spool(spool: LeftSpool, transport: Transport) -> Iterator[None]:
    """Ship one spool, one frame a step; then end the runs that its process did not get to end.

    Raises:
        RunebookError: the store cannot take anything now.

    """
    delivery = delivery_to(transport, RunIds(spool.folder.read_run_ids, spool.folder.write_run_ids))
    courier = Courier(spool, delivery)
    while courier.ship() is not None:
        yield
    if not spool.is_owned:
        end_runs(spool, delivery)


def end_runs(spool: LeftSpool, delivery: Delivery) -> None:
    """End what is running still: its process is gone. Another writer of the same run keeps it running.

    The frame has a writer of its own, so that it is added once however often this is interrupted.
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
        delivery.send(LogFrame(writer=f"{spool.writer}-end", first=1, last=1, runs=parts))
