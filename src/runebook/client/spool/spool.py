"""What a process logs to one store, in order, on the disk of its machine until the store has it."""

from __future__ import annotations

import contextlib
import logging
import mmap
import threading
import time
from collections.abc import Callable, Iterable, Sequence, Set
from itertools import count, islice
from zlib import crc32

import msgspec

from runebook.api.frames import RunPart
from runebook.client.spool.folder import SpoolFolder
from runebook.client.spool.gathering import Gathering, Stretch, gathered
from runebook.client.spool.names import Names, SeriesName
from runebook.client.spool.records import CHECKED, MAX_TEXT_BYTES, PART, POINT, SLOT_BYTES, TEXT, slots_of_text
from runebook.client.spool.segment import SUFFIX, Segment
from runebook.core.errors import InvalidParameterValue, TemporarilyUnavailable
from runebook.core.ids import WriterId

FIRST_SEGMENT_SLOTS = 6_552
"""256 KiB: what a short run needs is made in no time."""

SEGMENT_SLOTS = 104_856
"""4 MiB."""

SPARE_SEGMENTS = 2
NAMES_BYTES_WORTH_FORGETTING = 8 * 1024 * 1024
WARN_SECONDS = 10.0

_logger = logging.getLogger("runebook.spool")
_encoder = msgspec.msgpack.Encoder()
_pack_point = POINT.pack
_pack_checked = CHECKED.pack_into

_NOWHERE: tuple[mmap.mmap | bytearray, int, int] = (bytearray(), 0, 0)
"""Between two segments."""


class Spool:
    """Safe to share between threads and to use in a signal handler; a forked child makes its own.

    Args:
        folder: where it lies; the process holds its lock.
        limit_bytes: how large it may grow. At the limit, callers wait until the store has taken something.
        is_shipped: whether this process ships it; otherwise the limit is an error.
        kept: gives what has to stand in the segments that stay when others are freed.

    """

    def __init__(
        self,
        folder: SpoolFolder,
        *,
        limit_bytes: int,
        is_shipped: bool = True,
        kept: Callable[[], Iterable[RunPart]] = tuple,
    ) -> None:
        self.folder = folder
        self.is_shipped = is_shipped
        self.acknowledged = 0
        self._is_closed = False
        self._limit_bytes = limit_bytes
        self._kept = kept
        self._names = Names(folder.path)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._segments: list[Segment] = []
        self._spares: list[Segment] = []
        self._file_numbers = count(1)
        self._numbers = count(1)
        """Of records to come. They are claimed by one call in C, so that a signal handler cannot come in between."""
        self._claim = self._numbers.__next__
        self._place = _NOWHERE
        """Of the current segment the bytes, the number before its first one, and that behind its last one: one value,
        so that a signal handler cannot change a part of it."""
        self._shipping_thread: int | None = None
        self._room(1)

    @property
    def writer(self) -> WriterId:
        return self.folder.writer

    @property
    def names(self) -> dict[int, SeriesName]:
        return self._names.by_id

    def point(self, series: int, step: int, time_ms: int, value: float) -> None:
        """One point of a series that `series_id` made known. The hot path: a microsecond counts here."""
        with self._lock:
            number = self._claim()
            buffer, base, end = self._place
            if not base < number < end:
                number, buffer, base = self._moved(number)
            record = _pack_point(number, step, time_ms, value, series)
            _pack_checked(buffer, (number - base) * SLOT_BYTES, record, crc32(record))

    def points(self, series: Sequence[int], values: Iterable[float], step: int, time_ms: int) -> None:
        """A point of each series, in less time than one by one."""
        with self._lock:
            numbers, buffer, place = self._claim_many(len(series))
            for number, one, value in zip(numbers, series, values, strict=True):
                record = _pack_point(number, step, time_ms, value, one)
                _pack_checked(buffer, place, record, crc32(record))
                place += SLOT_BYTES

    def part(self, part: RunPart) -> int:
        """Anything but points. Returns the number of its last record.

        Raises:
            InvalidParameterValue: it is larger than a spool takes.

        """
        text = _encoder.encode(part)
        if len(text) > MAX_TEXT_BYTES:
            raise InvalidParameterValue(
                f"What was logged has {len(text)} bytes; at most {MAX_TEXT_BYTES} are allowed at once. "
                "Log large texts as artifacts (log_text)."
            )
        with self._lock:
            numbers, buffer, place = self._claim_many(1 + slots_of_text(len(text)))
            buffer[place + SLOT_BYTES : place + SLOT_BYTES + len(text)] = text
            record = TEXT.pack(numbers[0], len(text), crc32(text), 0.0, PART)
            _pack_checked(buffer, place, record, crc32(record))
            return numbers[-1]

    def series_id(self, name: SeriesName) -> int:
        """A new id for a series; the caller remembers it until `forget_names` says otherwise."""
        with self._lock:
            return self._names.add(name)

    def written(self) -> int:
        """The number of the last record: nobody is in the middle of writing one up to it."""
        with self._lock:
            return self._following() - 1

    def gather(self, first: int, max_records: int) -> tuple[Gathering, int]:
        """See `Source`. The records stay where they are until they are acknowledged."""
        written = self.written()
        segments = self._segments
        for segment, following in zip(segments, [*segments[1:], None], strict=True):
            end = min(segment.end, written + 1, following.first if following else written + 1)
            start = max(first, segment.first)
            while start < end:
                stop = min(end, start + max_records)
                slots = segment.buffer[segment.offset(start) : segment.offset(stop)]
                gathering, until = gathered(Stretch(start, slots), self.names, is_cut=stop < end)
                if until >= start:
                    return gathering, until
                max_records *= 2  # a long text comes first
        return Gathering(self.names), written

    def acknowledge(self, number: int) -> None:
        """The store has all records up to this one: their segments are free again."""
        with self._changed:
            if self._is_closed:
                return  # the thread that shipped this came back too late; the next to ship learns it from the store
            self.acknowledged = max(self.acknowledged, number)
            if self._is_first_free():
                self._say_what_is_kept()
            while self._is_first_free():
                done, self._segments = self._segments[0], self._segments[1:]
                self._free(done)
            self._changed.notify_all()
            self.folder.note_acknowledged(number)

    def _is_first_free(self) -> bool:
        return len(self._segments) > 1 and self._segments[1].first <= self.acknowledged + 1

    def _say_what_is_kept(self) -> None:
        with contextlib.suppress(TemporarilyUnavailable):  # the disk is full, and what is freed now changes that
            for part in self._kept():
                self.part(part)

    def keep_refused(self, lines: Sequence[bytes]) -> None:
        self.folder.keep_refused(lines)

    def prepare(self) -> None:
        """Make a segment in advance when the current one is half full, so that no caller needs to."""
        written = self.written()
        current = self._segments[-1]
        if self._spares or written - current.first < current.size // 2 or self._size_bytes() >= self._limit_bytes:
            return
        with contextlib.suppress(TemporarilyUnavailable):  # who needs it will say so
            self._spares.append(self._make(SEGMENT_SLOTS))

    def is_interrupted(self) -> bool:
        """Whether this is a signal handler's call that came in the middle of a record: nothing is shipped meanwhile."""
        try:
            self._changed.notify(0)
        except RuntimeError:  # this thread does not hold the lock
            return False
        return True

    def when_free(self, action: Callable[[], object]) -> None:
        """Do something when nobody is in the middle of a record."""
        with self._lock:
            action()

    def ships(self) -> None:
        """Say that the calling thread is the one that ships."""
        self._shipping_thread = threading.get_ident()

    def forget_names(self, run_ids: Set[str]) -> bool:
        """Drop the names of runs, if the store has all of the spool and the table has grown large.

        The caller sees to it that nobody logs by their ids any more. Returns whether it was done.
        """
        with self._lock:
            is_due = self._names.size_bytes > NAMES_BYTES_WORTH_FORGETTING and self.acknowledged >= self.written()
            if is_due:
                self._names.forget(run_ids)
            return is_due

    def close(self) -> None:
        """Let go of the files. What the store has all of is removed; otherwise it stays to be shipped later."""
        is_done = self.acknowledged >= self.written()
        with self._lock:
            self._is_closed = True
            for segment in (*self._segments, *self._spares):
                segment.close()
            self._names.close()
            self.folder.close(remove=is_done)

    def _following(self) -> int:
        """The number that will be claimed next; a count tells it by its `repr` alone."""
        return int(repr(self._numbers)[6:-1])

    def _claim_many(self, slots: int) -> tuple[Sequence[int], mmap.mmap | bytearray, int]:
        """Numbers that follow each other, in one segment; its bytes, and the place of the first among them."""
        while True:
            numbers = list(islice(self._numbers, slots))
            buffer, base, end = self._place
            if base < numbers[0] and numbers[-1] < end:
                return numbers, buffer, (numbers[0] - base) * SLOT_BYTES
            found = self._segment_of(numbers[0], numbers[-1])
            if found is not None:
                return numbers, found.buffer, found.offset(numbers[0])
            if numbers[-1] >= end:
                self._room(slots)

    def _moved(self, number: int) -> tuple[int, mmap.mmap | bytearray, int]:
        """A number, the bytes of its segment and the number before its first one, when it is not in the current one."""
        found = self._segment_of(number, number)
        while found is None:
            self._room(1)
            number = self._claim()
            found = self._segment_of(number, number)
        return number, found.buffer, found.first - 1

    def _segment_of(self, first: int, last: int) -> Segment | None:
        """The segment that these numbers stand in, if it is one.

        A signal handler may have turned to another since they were claimed.
        """
        if self._place is _NOWHERE:
            return None
        following = None
        for segment in reversed(self._segments):
            if segment.first <= first:
                end = segment.end if following is None else min(segment.end, following.first)
                return segment if last < end else None
            following = segment
        return None

    def _room(self, slots: int) -> None:
        """Turn to a segment with so much room; wait for one when there may be no more of them."""
        warn_after = WARN_SECONDS
        started = time.monotonic()
        while not self._turn(slots):
            self._changed.wait(1.0)
            if self._following() + slots <= self._place[2]:
                return  # another thread has turned
            if time.monotonic() - started > warn_after:
                warn_after *= 2
                _logger.warning(
                    "The spool in %s is full (%d MB); logging waits for the store to take what lies there.",
                    self.folder.path,
                    self._size_bytes() >> 20,
                )

    def _turn(self, slots: int) -> bool:
        """Begin another segment; False when there may be none yet."""
        before = self._segments
        segment = self._spare(slots)
        if segment is None:
            return False
        if self._segments is before:
            self._place = _NOWHERE  # a signal handler that logs from here on turns to a segment of its own
            segment.begin(self._following())
        if self._segments is before:  # no call from here on, so that no signal handler can come in between
            self._place = (segment.buffer, segment.first - 1, segment.end)
            self._segments = [*before, segment]
        else:
            segment.void()
            self._spares.append(segment)
        return True

    def _spare(self, slots: int) -> Segment | None:
        """A segment with so much room that holds nothing; None at the limit."""
        spare = self._unused(slots)
        if spare is not None:
            return spare
        if self._segments and self._size_bytes() >= self._limit_bytes:
            if not self.is_shipped:
                self.acknowledge(self.folder.acknowledged())  # of what another process has shipped
                spare = self._unused(slots)
                if spare is not None:
                    return spare
                raise TemporarilyUnavailable(
                    f"The spool in {self.folder.path} is full ({self._limit_bytes >> 20} MB). "
                    "Ship it with `runebook sync`, or raise RUNEBOOK_SPOOL_LIMIT_MB."
                )
            if not self._may_not_wait():
                return None
        return self._make(max(slots, SEGMENT_SLOTS if self._segments else FIRST_SEGMENT_SLOTS))

    def _unused(self, slots: int) -> Segment | None:
        """One of the spare segments, if it is large enough; taken by one call, so that a signal handler has another."""
        try:
            spare = self._spares.pop()
        except IndexError:
            return None
        if spare.size >= slots:
            return spare
        self._spares.append(spare)
        return None

    def _may_not_wait(self) -> bool:
        """Whether the limit must be passed.

        Nobody would make room for the thread that ships. And who waits lets go of the lock, which a signal handler
        must not do that came in the middle of a record: it would be taken for one that is never written.
        """
        return threading.get_ident() == self._shipping_thread or " count=1 " not in repr(self._lock)

    def _make(self, size: int) -> Segment:
        return Segment(self.folder.path / f"{next(self._file_numbers):08}{SUFFIX}", size)

    def _free(self, segment: Segment) -> None:
        if segment.size == SEGMENT_SLOTS and len(self._spares) < SPARE_SEGMENTS:
            self._spares.append(segment)
        else:
            segment.remove()

    def _size_bytes(self) -> int:
        return sum(segment.size * SLOT_BYTES for segment in (*self._segments, *self._spares))
