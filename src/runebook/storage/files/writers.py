"""How far the store has come with what each writer ships: one file in the root."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from runebook.core.decoders import json_decoder
from runebook.core.ids import WriterId
from runebook.storage.files.layout import WRITERS
from runebook.storage.files.view import View

FORGOTTEN_AFTER_MS = 90 * 24 * 3600 * 1000


class _Progress(msgspec.Struct, frozen=True, array_like=True):
    sequence: int
    updated: int


class WriterFiles:
    """The WriterStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def last_sequences(self, writers: Iterable[WriterId]) -> dict[WriterId, int]:
        known = self._known()
        return {writer: known[writer].sequence for writer in writers if writer in known}

    def advance(self, sequences: Mapping[WriterId, int], now_ms: int) -> None:
        if not sequences:
            return
        known = self._known() | {writer: _Progress(last, now_ms) for writer, last in sequences.items()}
        kept = {writer: found for writer, found in known.items() if found.updated >= now_ms - FORGOTTEN_AFTER_MS}
        self._view.files.write(WRITERS, msgspec.json.encode(kept))

    def _known(self) -> dict[WriterId, _Progress]:
        raw = self._view.files.read(WRITERS)
        return json_decoder(dict[str, _Progress]).decode(raw) if raw else {}
