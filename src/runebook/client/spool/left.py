"""Spools that other processes left, or write and do not ship themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from runebook.client.spool.courier import MAX_RECORDS
from runebook.client.spool.folder import SpoolFolder, is_owned, take_to_ship
from runebook.client.spool.gathering import Gathering, Stretch, gathered
from runebook.client.spool.names import SeriesName, read_names
from runebook.client.spool.records import SLOT_BYTES, UnreadableSegment, read_head
from runebook.client.spool.segment import SUFFIX
from runebook.core.errors import InvalidState, RunebookError
from runebook.core.ids import WriterId


class _Segment(NamedTuple):
    """A file of records."""

    first: int
    """Number of the record in its first slot."""
    end: int
    """The number after that of its last slot, or of the last that counts: those behind stand in the next segment."""
    path: Path

    def read(self, start: int, stop: int) -> Stretch:
        with self.path.open("rb") as file:
            file.seek((start - self.first + 1) * SLOT_BYTES)
            return Stretch(start, file.read((stop - start) * SLOT_BYTES))


class Amount(NamedTuple):
    """Of what was gathered or shipped."""

    until: int
    records: int
    size_bytes: int

    def with_more(self, more: Amount) -> Amount:
        return Amount(more.until, self.records + more.records, self.size_bytes + more.size_bytes)


class _Running:
    """Which runs a process was at work on and did not end, as its records tell in their order."""

    def __init__(self) -> None:
        self.last_times: dict[str, int | None] = {}
        """Of each such run, the time of its last point."""

    def add(self, gathering: Gathering) -> None:
        for run_id, end in gathering.ends().items():
            if end.status is not None and end.status.is_terminated:
                self.last_times.pop(run_id, None)
            elif end.is_held or run_id in self.last_times:  # otherwise it was ended before, or is another's
                self.last_times[run_id] = end.last_time or self.last_times.get(run_id)


class LeftSpool:
    """A spool as it lies on the disk, locked for shipping."""

    def __init__(self, folder: SpoolFolder) -> None:
        self.folder = folder
        self.acknowledged = folder.acknowledged()
        self.is_owned = is_owned(folder.path)
        """Whether its process is still writing; then what stands behind a gap may be still on its way."""
        self.shipped = Amount(0, 0, 0)
        """By this object."""
        self._gathered = self.shipped
        self._running = _Running() if self.acknowledged == 0 else None
        """Of what was gathered; None when something was shipped before."""
        self._known: tuple[list[_Segment], Mapping[int, SeriesName]] | None = None

    @classmethod
    def take(cls, path: Path) -> LeftSpool | None:
        """Lock the spool in a folder; None when another process ships it. Raises RunebookError: as `take_to_ship`."""
        folder = take_to_ship(path)
        return None if folder is None else cls(folder)

    @property
    def writer(self) -> WriterId:
        return self.folder.writer

    def gather(self, first: int, max_records: int) -> tuple[Gathering, int]:
        """See `Source`.

        Raises:
            InvalidState: a segment cannot be read. What stands behind it may not be shipped before it.

        """
        gathering, until = self._gather(first, max_records)
        size_bytes = (gathering.last - first + 1) * SLOT_BYTES if gathering.last else 0
        self._gathered = Amount(until, gathering.records, size_bytes)
        if self._running is not None:
            self._running.add(gathering)
        return gathering, until

    def _gather(self, first: int, max_records: int) -> tuple[Gathering, int]:
        segments, names = self._content()
        for segment in segments:
            is_last = segment is segments[-1]
            ends_at_gap = is_last and self.is_owned
            start = max(first, segment.first)
            while start < segment.end:
                stop = min(segment.end, start + max_records)
                stretch = segment.read(start, stop)
                gathering, until = gathered(
                    stretch, names, is_cut=stop < segment.end, is_checked=True, ends_at_gap=ends_at_gap
                )
                if is_last and stop == segment.end:
                    return gathering, max(min(until, gathering.last), first - 1)
                if until >= start:
                    return gathering, until
                max_records *= 2  # a long text comes first
        return Gathering(names), first - 1

    def has_been_left(self) -> bool:
        """Whether its process has ended since this was last known: there may be more in it, behind a gap."""
        if not self.is_owned or is_owned(self.folder.path):
            return False
        self.is_owned, self._known = False, None
        return True

    def waiting(self) -> Amount:
        """How much is left to ship."""
        found = Amount(self.acknowledged, 0, 0)
        while True:
            self.gather(found.until + 1, MAX_RECORDS)
            if self._gathered.until <= found.until:
                return found
            found = found.with_more(self._gathered)

    def runs_without_end(self) -> dict[str, int | None]:
        """Runs that its process was at work on and of which it tells no final status; and the time of the last point
        that it has of them.
        """
        if self._running is not None and 0 < self._gathered.until == self.acknowledged:
            return self._running.last_times  # all of it has gone through here
        running = _Running()
        segments, names = self._content()
        for segment in segments:
            gathering = Gathering(names, is_checked=True)
            gathering.add(segment.read(segment.first, segment.end))
            running.add(gathering)
        return running.last_times

    def acknowledge(self, number: int) -> None:
        if number >= self._gathered.until:
            self.shipped = self.shipped.with_more(self._gathered)
        self.acknowledged = max(self.acknowledged, number)
        self.folder.note_acknowledged(number)

    def keep_refused(self, lines: Sequence[bytes]) -> None:
        self.folder.keep_refused(list(lines))

    def close(self, *, may_remove: bool = True) -> None:
        """Remove the spool when its process is gone and all of it is shipped; otherwise leave it for the next time."""
        is_left = not self.is_owned and not is_owned(self.folder.path)
        self.folder.close(remove=may_remove and is_left and not self._has_more())

    def _has_more(self) -> bool:
        try:
            gathering, _ = self.gather(self.acknowledged + 1, 1)
        except RunebookError:  # whoever ships it has been told
            return True
        return bool(gathering.records)

    def _content(self) -> tuple[list[_Segment], Mapping[int, SeriesName]]:
        """Segments and names; of a spool whose process is gone they are looked at once."""
        if self._known is None or self.is_owned:
            segments = sorted(self._segments())  # first: a name is written before the first record that needs it
            self._known = [*_cut(segments)], read_names(self.folder.path)
        return self._known

    def _segments(self) -> Iterator[_Segment]:
        """In no order, without those that hold nothing yet."""
        for path in self.folder.path.glob(f"*{SUFFIX}"):
            try:
                with path.open("rb") as file:
                    data = file.read(SLOT_BYTES)
                    slots = file.seek(0, 2) // SLOT_BYTES - 1
            except FileNotFoundError:  # its process has seen that all of it was shipped
                continue
            try:
                head = read_head(data)
                if head is None and any(data):
                    raise UnreadableSegment("its head is damaged")
            except UnreadableSegment as error:
                raise InvalidState(
                    f"The segment {path} of a spool cannot be shipped: {error}. The rest of this spool waits for it; "
                    "to do without it, move it elsewhere."
                ) from error
            if head is not None:
                yield _Segment(head.first, head.first + slots, path)


def _cut(segments: Sequence[_Segment]) -> Iterator[_Segment]:
    """Each ends where the next one begins: what stood behind was never written."""
    for segment, following in zip(segments, [*segments[1:], None], strict=True):
        yield segment if following is None else segment._replace(end=min(segment.end, following.first))
