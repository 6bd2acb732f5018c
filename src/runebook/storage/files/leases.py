"""Who is at work on which run, and until when that is believed: one file in the root."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from runebook.core.decoders import json_decoder
from runebook.core.ids import RunId, WriterId
from runebook.storage.files.layout import LEASES
from runebook.storage.files.view import View
from runebook.storage.writers import Lease

_Held: TypeAlias = dict[RunId, dict[WriterId, int]]
"""Until when, by run and writer."""


class LeaseFiles:
    """The LeaseStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def of(self, run_ids: Iterable[str]) -> list[Lease]:
        held = self._read()
        return [
            Lease(RunId(run_id), writer, until)
            for run_id in sorted(set(run_ids))
            for writer, until in sorted(held.get(RunId(run_id), {}).items())
        ]

    def renew(self, leases: Sequence[Lease]) -> None:
        held = self._read()
        for run_id, writer, until in leases:
            self._view.run(run_id)
            held.setdefault(run_id, {})[writer] = until
        self._write(held)

    def release(self, held: Iterable[tuple[str, WriterId]]) -> None:
        there = self._read()
        for run_id, writer in held:
            there.get(RunId(run_id), {}).pop(writer, None)
        self._write(there)

    def clear(self, run_ids: Iterable[str]) -> None:
        held = self._read()
        for run_id in run_ids:
            held.pop(RunId(run_id), None)
        self._write(held)

    def expired(self, now_ms: int, max_runs: int) -> list[RunId]:
        ended = {run_id: max(held.values()) for run_id, held in self._read().items()}
        found = sorted((until, run_id) for run_id, until in ended.items() if until < now_ms)
        return [run_id for _, run_id in found if self._view.has_run(run_id)][:max_runs]

    def _read(self) -> _Held:
        raw = self._view.files.read(LEASES)
        return json_decoder(_Held).decode(raw) if raw else {}

    def _write(self, held: _Held) -> None:
        kept = {run_id: writers for run_id, writers in held.items() if writers}
        if kept != self._read():
            self._view.files.write(LEASES, msgspec.json.encode(kept))
