"""Spools that other processes left, or write and do not ship themselves."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from runebook.client.spool.folder import SpoolFolder, is_owned, take_to_ship
from runebook.client.spool.gathering import Gathering, Stretch, gathered
from runebook.client.spool.names import read_names
from runebook.client.spool.records import SLOT_BYTES, Head, UnreadableSegment, read_head
from runebook.client.spool.segment import SUFFIX
from runebook.core.ids import WriterId

_logger = logging.getLogger("runebook.spool")


class LeftSpool:
    """A spool as it lies on the disk, locked for shipping."""

    def __init__(self, folder: SpoolFolder) -> None:
        self.folder = folder
        self.acknowledged = folder.acknowledged()
        self.is_owned = is_owned(folder.path)
        """Whether its process is still writing; then what stands behind a gap may be still on its way."""

    @classmethod
    def take(cls, path: Path) -> LeftSpool | None:
        """Lock the spool in a folder; None when another process ships it, or there is none any more."""
        folder = take_to_ship(path)
        return None if folder is None else cls(folder)

    @property
    def writer(self) -> WriterId:
        return self.folder.writer

    def gather(self, first: int, max_records: int) -> tuple[Gathering, int]:
        """See `Source`."""
        segments = self._segments()
        names = read_names(self.folder.path)
        for place, (head, path) in enumerate(segments):
            slots = path.read_bytes()[SLOT_BYTES:]
            end = head.first + len(slots) // SLOT_BYTES
            is_last = place + 1 == len(segments)
            if not is_last:
                end = min(end, segments[place + 1][0].first)
            start = max(first, head.first)
            while start < end:
                stop = min(end, start + max_records)
                part = Stretch(start, slots[(start - head.first) * SLOT_BYTES : (stop - head.first) * SLOT_BYTES])
                gathering, until = gathered(
                    part, names, is_cut=stop < end, is_checked=True, ends_at_gap=is_last and self.is_owned
                )
                if is_last and stop == end:
                    return gathering, max(min(until, gathering.last), first - 1)
                if until >= start:
                    return gathering, until
                max_records *= 2  # a long text comes first
        return Gathering(names), first - 1

    def runs_without_end(self) -> dict[str, int | None]:
        """Runs of which this spool tells no final status, and the time of the last point that it has of them."""
        running: dict[str, int | None] = {}
        names = read_names(self.folder.path)
        for head, path in self._segments():
            gathering = Gathering(names, is_checked=True)
            gathering.add(Stretch(head.first, path.read_bytes()[SLOT_BYTES:]))
            for run_id, (last_time, status) in gathering.ends().items():
                if status is not None and status.is_terminated:
                    running.pop(run_id, None)
                else:
                    running[run_id] = last_time or running.get(run_id)
        return running

    def acknowledge(self, number: int) -> None:
        self.acknowledged = max(self.acknowledged, number)
        self.folder.note_acknowledged(number)

    def keep_refused(self, lines: Sequence[bytes]) -> None:
        self.folder.keep_refused(list(lines))

    def close(self) -> None:
        """Remove the spool when its process is gone and all of it is shipped; otherwise leave it for the next time."""
        gathering, _ = self.gather(self.acknowledged + 1, 1)
        self.folder.close(remove=not is_owned(self.folder.path) and not gathering.records)

    def _segments(self) -> list[tuple[Head, Path]]:
        """Heads and files in the order of their records, without those that hold nothing."""
        found = []
        for path in self.folder.path.glob(f"*{SUFFIX}"):
            try:
                head = read_head(path.read_bytes()[:SLOT_BYTES])
            except UnreadableSegment as error:
                _logger.error("The segment %s of a spool is left where it is: %s.", path, error)
                continue
            if head is not None:
                found.append((head, path))
        return sorted(found)
