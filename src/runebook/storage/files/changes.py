"""What a transaction is about to do to the files, and the reading that already sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from runebook.core.errors import InternalError


class Write(Struct, frozen=True, tag="write"):
    """Put a whole file in place."""

    path: str
    data: bytes


class Append(Struct, frozen=True, tag="append"):
    """Add whole lines to a file that had `size` bytes of whole lines, and after them the start of one, `torn`."""

    path: str
    size: int
    torn: bytes
    data: bytes


class Delete(Struct, frozen=True, tag="delete"):
    """Remove a file."""

    path: str


class MakeFolder(Struct, frozen=True, tag="folder"):
    """Make a folder and those above it."""

    path: str


class Move(Struct, frozen=True, tag="move"):
    """Move a folder."""

    source: str
    target: str


_BLOCK_BYTES = 4096

Change: TypeAlias = Write | Append | Delete | MakeFolder | Move


class Files:
    """The files below the root, as the transaction sees them; writes are collected until they are committed.

    Files are read whole. A move shows only in `moved` until the commit: paths stay as they were.
    """

    def __init__(self, root: Path, *, writable: bool) -> None:
        self.root = root
        self._writable = writable
        self._written: dict[str, bytes | None] = {}
        self._appended: dict[str, bytes] = {}
        self._folders: dict[str, None] = {}
        self._below: dict[str, set[str]] = {}
        self.moved: dict[str, str] = {}

    def path(self, path: str) -> Path:
        return self.root / path

    def has_changed(self, path: str) -> bool:
        """Whether this transaction wrote the file, so that what is known of the one on disk does not hold."""
        return path in self._written or path in self._appended

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, or None where there is none (or a folder)."""
        data = self._written[path] if path in self._written else _read(self.path(path))
        added = self._appended.get(path)
        if added is None:
            return data
        data = data or b""
        return data[: data.rfind(b"\n") + 1] + added

    def is_file(self, path: str) -> bool:
        if path in self._written:
            return self._written[path] is not None
        return path in self._appended or self.path(path).is_file()

    def is_folder(self, path: str) -> bool:
        return path in self._folders or path in self._below or self.path(path).is_dir()

    def children(self, folder: str) -> dict[str, bool]:
        """The names in a folder in order, each with whether it is a folder itself; none where there is no folder."""
        found = {entry.name: entry.is_dir() for entry in _entries(self.path(folder))}
        for name in self._below.get(folder, ()):
            path = f"{folder}/{name}" if folder else name
            if path in self._below or path in self._folders:
                found[name] = True
            elif self.is_file(path):
                found[name] = False
            else:
                found.pop(name, None)
        return dict(sorted(found.items()))

    def walk(self, folder: str) -> Iterator[str]:
        """The files below a folder, by their paths relative to it, in order."""
        stack = [(name, is_folder) for name, is_folder in reversed(self.children(folder).items())]
        while stack:
            path, is_folder = stack.pop()
            if not is_folder:
                yield path
                continue
            below = self.children(f"{folder}/{path}")
            stack.extend((f"{path}/{name}", inner) for name, inner in reversed(below.items()))

    def write(self, path: str, data: bytes) -> None:
        self._will_change(path)
        self._appended.pop(path, None)
        self._written[path] = data

    def append(self, path: str, lines: bytes) -> None:
        """Add whole lines; the start of a line that somebody's end left in the file is cut off."""
        self._will_change(path)
        if path in self._written:
            self.write(path, (self.read(path) or b"") + lines)
        else:
            self._appended[path] = self._appended.get(path, b"") + lines

    def delete(self, path: str) -> None:
        self._will_change(path)
        self._appended.pop(path, None)
        self._written[path] = None

    def make_folder(self, path: str) -> None:
        self._will_change(path)
        self._folders[path] = None

    def move(self, source: str, target: str) -> None:
        """Move a folder when the transaction is committed; a move back undoes it."""
        self._check_writable()
        if source == target:
            self.moved.pop(source, None)
        else:
            self.moved[source] = target

    def changes(self) -> list[Change]:
        """What to do, in this order: moves first, so that all else names files where they are then, whether that is
        done once or again; `meta.yaml` last, for it makes a folder a run.
        """
        written = sorted(self._written.items(), key=lambda item: item[0].endswith("/meta.yaml"))
        return [
            *(Move(source, target) for source, target in self.moved.items()),
            *(MakeFolder(self._after_moves(path)) for path in self._folders),
            *(self._append(path) for path in self._appended),
            *(Write(self._after_moves(path), data) for path, data in written if data is not None),
            *(Delete(self._after_moves(path)) for path, data in written if data is None and self.path(path).exists()),
        ]

    def _after_moves(self, path: str) -> str:
        for source, target in self.moved.items():
            if _is_below(path, source):
                return target + path[len(source) :]
        return path

    def _append(self, path: str) -> Append:
        size, torn = _end_of_lines(self.path(path))
        return Append(self._after_moves(path), size, torn, self._appended[path])

    def _will_change(self, path: str) -> None:
        """Note the path in the folders above it."""
        self._check_writable()
        while path:
            folder, _, name = path.rpartition("/")
            names = self._below.setdefault(folder, set())
            if name in names:
                return
            names.add(name)
            path = folder

    def _check_writable(self) -> None:
        if not self._writable:
            raise InternalError("A transaction that only reads was asked to write.")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _end_of_lines(path: Path) -> tuple[int, bytes]:
    """How many bytes of whole lines a file has, and the start of a line after them."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            start, tail = end, b""
            while start > 0 and b"\n" not in tail:
                start = max(0, start - _BLOCK_BYTES)
                file.seek(start)
                tail = file.read(end - start)
    except FileNotFoundError:
        return 0, b""
    whole = tail.rfind(b"\n") + 1
    return start + whole, tail[whole:]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder + "/")
