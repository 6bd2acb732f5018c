"""The table of a spool's series: what the ids in its records stand for.

A file of entries: length, checksum, MessagePack. It only grows, until everything that the spool holds is in the store;
an entry is written before the first record that needs it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Set
from itertools import count
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import msgspec

from runebook.client.spool.records import FIRST_SERIES
from runebook.core.errors import TemporarilyUnavailable

FILE = "names"

_ENTRY = Struct("<II")


class SeriesName(NamedTuple):
    """Whose points they are."""

    run_id: str
    key: str
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


_Entry = tuple[int, str, str, str | None, str | None, str | None]
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Entry)


class Names:
    """The table as its writer has it. Not safe to share between threads: the spool's lock is held."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._file = _opened(self._path)
        self._numbers = count(FIRST_SERIES)
        """One call in C gives one, so that a signal handler that logs cannot get the same."""
        self.by_id: dict[int, SeriesName] = {}
        self.size_bytes = 0

    def add(self, name: SeriesName) -> int:
        """A new id for a series.

        Raises:
            TemporarilyUnavailable: the disk is full.

        """
        number = next(self._numbers)
        packed = _packed(number, name)
        try:
            written = os.write(self._file, packed)
            if written < len(packed):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.ftruncate(self._file, self.size_bytes)
            raise self._failure(error) from error
        self.size_bytes += len(packed)
        self.by_id[number] = name
        return number

    def forget(self, run_ids: Set[str]) -> None:
        """Drop the series of runs of which nothing is left to ship. Ids are not used again.

        Raises:
            TemporarilyUnavailable: the disk is full; nothing has changed.

        """
        kept = {number: name for number, name in self.by_id.items() if name.run_id not in run_ids}
        packed = b"".join(_packed(number, name) for number, name in kept.items())
        renewed = self._path.with_suffix(".new")
        try:
            renewed.write_bytes(packed)
            renewed.replace(self._path)
        except OSError as error:
            raise self._failure(error) from error
        os.close(self._file)
        self._file = _opened(self._path)
        self.by_id = kept
        self.size_bytes = len(packed)

    def _failure(self, error: OSError) -> TemporarilyUnavailable:
        return TemporarilyUnavailable(
            f"The spool's file {self._path} cannot be written: {error.strerror}. Free space there, or set "
            "RUNEBOOK_SPOOL_DIR to a folder on another disk."
        )

    def close(self) -> None:
        os.close(self._file)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)


def _packed(number: int, name: SeriesName) -> bytes:
    entry = _encoder.encode((number, *name))
    return _ENTRY.pack(len(entry), crc32(entry)) + entry


def read_names(folder: Path) -> dict[int, SeriesName]:
    """The table that a process left; of an entry that is not whole nothing was logged."""
    try:
        data = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return {}
    return {entry[0]: SeriesName(*entry[1:]) for entry in _entries(data)}


def _entries(data: bytes) -> Iterator[_Entry]:
    place = 0
    while place + _ENTRY.size <= len(data):
        length, check = _ENTRY.unpack_from(data, place)
        place += _ENTRY.size
        entry = data[place : place + length]
        if len(entry) < length or crc32(entry) != check:
            return
        yield _decoder.decode(entry)
        place += length
