"""From records to frames: what a stretch of a spool holds, by run and by series."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from zlib import crc32

from runebook.api.frames import LogFrame, RunPart, SeriesPart
from runebook.client.spool.names import SeriesName
from runebook.client.spool.records import FIRST_SERIES, PART, SLOT, SLOT_BYTES, slots_of_text
from runebook.core.columns import Columns
from runebook.core.decoders import messagepack_decoder
from runebook.core.ids import RunId, WriterId
from runebook.core.runs import RunStatus

_logger = logging.getLogger("runebook.spool")
_WORDS = SLOT_BYTES // 8
_LISTS = ("params", "tags", "datasets", "models", "outputs")
_decode_part = messagepack_decoder(RunPart).decode


class Stretch(NamedTuple):
    """Records of one segment that stand together, as bytes; what was begun and never written is among them as noise."""

    first: int
    slots: bytes


class RunEnd(NamedTuple):
    """How far records tell of a run."""

    last_time: int | None
    """Of its points."""
    status: RunStatus | None
    is_held: bool
    """Whether the writer was at work on it, and did not merely add something to another's run."""


class _Series:
    """Columns that grow."""

    __slots__ = ("add_step", "add_time", "add_value", "columns")

    def __init__(self) -> None:
        self.columns = Columns(array("q"), array("q"), array("d"))
        self.add_step: Callable[[int], None] = self.columns.steps.append
        self.add_time: Callable[[int], None] = self.columns.times.append
        self.add_value: Callable[[float], None] = self.columns.values.append


class Gathering:
    """Records of one writer, taken apart.

    Args:
        names: what the ids of series stand for.
        is_checked: whether checksums are looked at: after a crash, when memory did not make it to the disk whole.
        ends_at_gap: whether a record that is not there ends it, as one that another process is about to write may.

    """

    def __init__(self, names: Mapping[int, SeriesName], *, is_checked: bool = False, ends_at_gap: bool = False) -> None:
        self.last = 0
        """The last record that was whole, with the slots of its text; 0 when there was none."""
        self.cut: int | None = None
        """The number from which on nothing was taken in: a text begins there that is not all here, or a gap."""
        self.records = 0
        self._names = names
        self._is_checked = is_checked
        self._ends_at_gap = ends_at_gap
        self._series: dict[int, _Series] = {}
        self._parts: dict[str, dict[str, Any]] = {}

    def add(self, stretch: Stretch) -> None:
        """Take in a stretch. What is no record is passed over: nobody was told that it was written."""
        if not self._is_checked and self._add_regular(stretch):
            return
        expected = stretch.first - 1
        skipped = 0
        series = self._series
        for number, step, time_ms, value, kind, check in SLOT.iter_unpack(stretch.slots):
            expected += 1
            if skipped:
                skipped -= 1
                continue
            if number != expected or (self._is_checked and not _is_whole(stretch, number, check)):
                if self._ends_at_gap:
                    self.cut = expected
                    return
                continue
            if kind < FIRST_SERIES:
                skipped = self._add_text(stretch, number, step, time_ms, kind)
                if self.cut:
                    return
                continue
            found = series.get(kind) or self._begin(kind)
            found.add_step(step)
            found.add_time(time_ms)
            found.add_value(value)
            self.records += 1
            self.last = number

    def _add_regular(self, stretch: Stretch) -> bool:
        """Take in a stretch of points of the same series over and over, as loops log them, in a quarter of the time.

        Returns whether it is one; otherwise nothing was done.
        """
        words = memoryview(stretch.slots).cast("Q")
        kinds = array("I", memoryview(stretch.slots).cast("I")[_WORDS * 2 - 2 :: _WORDS * 2].tobytes())
        count = len(kinds)
        period = _period(kinds)
        if period * 2 > count or min(kinds[:period]) < FIRST_SERIES:
            return False
        numbers = array("Q", range(stretch.first, stretch.first + count))
        if kinds != (kinds[:period] * (count // period + 1))[:count] or words[::_WORDS].tobytes() != numbers.tobytes():
            return False
        for place, kind in enumerate(kinds[:period]):
            columns = (self._series.get(kind) or self._begin(kind)).columns
            in_order: tuple[array[Any], ...] = (columns.steps, columns.times, columns.values)
            for position, column in enumerate(in_order, start=1):
                column.frombytes(words[place * _WORDS + position :: period * _WORDS].tobytes())
        self.records += count
        self.last = stretch.first + count - 1
        return True

    def _begin(self, kind: int) -> _Series:
        """A series that is not in the table of names was torn from it when the machine stopped."""
        found = _Series()
        if kind in self._names:
            self._series[kind] = found
        else:
            _logger.error("A spool holds points of an unknown series, %d; they are passed over.", kind)
        return found

    def _add_text(self, stretch: Stretch, number: int, length: int, check: int, kind: int) -> int:
        """Returns the slots that the text takes beside its record; 0 when it is not whole."""
        start = (number - stretch.first + 1) * SLOT_BYTES
        text = stretch.slots[start : start + length]
        if len(text) < length:
            self.cut = number
            return 0
        if kind != PART or crc32(text) != check:
            self.cut = number if self._ends_at_gap else None
            return 0
        self._add_part(_decode_part(text))
        self.records += 1
        self.last = number + slots_of_text(length)
        return slots_of_text(length)

    def _add_part(self, part: RunPart) -> None:
        """Join what came of one run: lists grow, of single values the last counts, but a run starts once."""
        run = self._parts.setdefault(part.run_id, {})
        for name in _LISTS:
            if added := getattr(part, name):
                run.setdefault(name, []).extend(added)
        if part.start is not None:
            run.setdefault("start", part.start)
        if part.lease_ms is not None:
            run["lease_ms"] = part.lease_ms
        if part.status is not None:
            run |= {"status": part.status, "end_time": part.end_time, "leaves": part.leaves}

    def ends(self) -> dict[str, RunEnd]:
        """Of each run, how far it got."""
        last_times: dict[str, int] = {}
        for number, found in self._series.items():
            run_id = self._names[number].run_id
            last_times[run_id] = max(last_times.get(run_id, 0), *found.columns.times)
        ends = {}
        for run_id in last_times.keys() | self._parts.keys():
            part = self._parts.get(run_id, {})
            is_held = "lease_ms" in part or "start" in part
            ends[run_id] = RunEnd(last_times.get(run_id), part.get("status"), is_held)
        return ends

    def operation(self, writer: WriterId, first: int, last: int) -> LogFrame:
        """The frame of these records."""
        for number, found in self._series.items():
            name = self._names[number]
            steps, times, values = found.columns.to_bytes()
            part = SeriesPart(
                key=name.key,
                steps=steps,
                times=times,
                values=values,
                model_id=name.model_id,
                dataset_name=name.dataset_name,
                dataset_digest=name.dataset_digest,
            )
            self._parts.setdefault(name.run_id, {}).setdefault("series", []).append(part)
        runs = [RunPart(run_id=RunId(run_id), **fields) for run_id, fields in self._parts.items()]
        return LogFrame(writer=writer, first=first, last=last, runs=runs)


def _period(kinds: array[int]) -> int:
    """After how many records the first series comes again; their number, if it does not."""
    try:
        return kinds.index(kinds[0], 1)
    except (ValueError, IndexError):
        return max(1, len(kinds))


def gathered(
    stretch: Stretch,
    names: Mapping[int, SeriesName],
    *,
    is_cut: bool,
    is_checked: bool = False,
    ends_at_gap: bool = False,
) -> tuple[Gathering, int]:
    """Take a stretch apart. Returns what it holds, and the number up to which it was taken in.

    Args:
        stretch: records of one segment.
        names: what the ids of series stand for.
        is_cut: whether the segment goes on behind it. Then a text that reaches beyond it is left for another time;
            otherwise it is one that was torn.
        is_checked, ends_at_gap: as of `Gathering`.

    """
    gathering = Gathering(names, is_checked=is_checked, ends_at_gap=ends_at_gap)
    gathering.add(stretch)
    end = stretch.first + len(stretch.slots) // SLOT_BYTES - 1
    return gathering, gathering.cut - 1 if gathering.cut and (is_cut or ends_at_gap) else end


def _is_whole(stretch: Stretch, number: int, check: int) -> bool:
    place = (number - stretch.first) * SLOT_BYTES
    return crc32(stretch.slots[place : place + SLOT_BYTES - 4]) == check
