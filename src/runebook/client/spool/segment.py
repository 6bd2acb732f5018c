"""One segment of a spool, mapped into memory by the process that writes it."""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path

from runebook.client.spool.records import SLOT_BYTES, pack_head
from runebook.core.errors import TemporarilyUnavailable

SUFFIX = ".segment"


class Segment:
    """Slots for records. The space is taken on the disk when the segment is made, so a record never finds it full."""

    __slots__ = ("buffer", "end", "first", "path", "size")

    def __init__(self, path: Path, size: int) -> None:
        """Make the file, with room for `size` records.

        Raises:
            TemporarilyUnavailable: the disk is full, or the folder cannot be written.

        """
        self.path = path
        self.size = size
        self.first = 0
        self.end = 0
        length = (size + 1) * SLOT_BYTES
        try:
            self.buffer = _mapped(path, length)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise TemporarilyUnavailable(
                f"The spool in {path.parent} cannot take {length} bytes: {error.strerror or error}. Free space there, "
                "or set RUNEBOOK_SPOOL_DIR to a folder on another disk."
            ) from error

    def begin(self, first: int) -> None:
        """Take records from number `first` on. What the segment held before is void with that."""
        self.first = first
        self.end = first + self.size
        head = pack_head(first)
        self.buffer[: len(head)] = head

    def void(self) -> None:
        """Say that it holds nothing."""
        self.buffer[:SLOT_BYTES] = bytes(SLOT_BYTES)

    def offset(self, number: int) -> int:
        return (number - self.first + 1) * SLOT_BYTES

    def close(self) -> None:
        """Let go of the file, which stays."""
        self.buffer.close()

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.buffer.close()


def _mapped(path: Path, length: int) -> mmap.mmap:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _take_space(file, length)
        buffer = mmap.mmap(file, length)
    finally:
        os.close(file)
    for start in range(0, length, mmap.PAGESIZE):
        buffer[start] = 0  # a page is brought in now, not when a record is written
    return buffer


def _take_space(file: int, length: int) -> None:
    """A file with holes would kill the process by SIGBUS when the disk is full."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, length)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that cannot do it
                raise
        else:
            return
    zeros = bytes(min(length, 1 << 20))
    written = 0
    while written < length:
        written += os.pwrite(file, zeros[: length - written], written)
