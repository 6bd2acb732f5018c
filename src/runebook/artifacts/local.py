"""Artifacts in a folder of this machine."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from runebook.artifacts import paths
from runebook.artifacts.base import CHUNK_BYTES
from runebook.core.artifacts import FileInfo
from runebook.core.errors import InvalidParameterValue, NotFound, TemporarilyUnavailable

_CALLERS_FAULT = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.ELOOP, errno.EILSEQ}


class LocalArtifactStore:
    """An `ArtifactStore` on the file system. Symbolic links are followed as long as they stay below the root."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write under a reserved name where folders stand already, sync, make the folders that lack, then rename."""
        target = self._locate(paths.normalize_file(path))
        with _errors_explained(path):
            self._root.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                raise IsADirectoryError
            unfinished = _nearest_folder(target) / f"{paths.UNFINISHED_PREFIX}{uuid.uuid4().hex}"
        try:
            _write_durably(unfinished, chunks, path)
            with _errors_explained(path), _new_folders(target.parent):
                unfinished.replace(target)
                _sync_folder(target.parent)
        finally:
            with suppress(FileNotFoundError, NotADirectoryError):  # its folder may be gone, or a file by now
                unfinished.unlink()

    def get(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Opens the file at once, so that a replacement meanwhile does not mix two files."""
        return _Chunks(self.open(path), start, end)

    def open(self, path: str) -> BinaryIO:
        """The file itself, for readers that want its size and time to belong to the same bytes."""
        target = self._locate(paths.normalize(path))
        with _errors_explained(path):
            if target.is_dir():
                raise InvalidParameterValue(f"Artifact path refers to a directory, not a file: {path!r}.")
            if not target.is_file():
                raise NotFound(f"No such artifact: {path!r}")
            try:
                return target.open("rb")
            except FileNotFoundError:
                raise NotFound(f"No such artifact: {path!r}") from None

    def stat(self, path: str) -> FileInfo | None:
        """Follows links that stay below the root; one that dangles is nothing."""
        name = paths.normalize(path)
        target = self._locate(name)
        with _errors_explained(path):
            if target.is_dir():
                return FileInfo(path=name, is_dir=True)
            try:
                return FileInfo(path=name, is_dir=False, file_size=target.stat().st_size)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def list(self, path: str) -> list[FileInfo]:
        """Leaves out links that lead out of the root or nowhere, and files that are still being written."""
        name = paths.normalize(path)
        folder = self._locate(name)
        with _errors_explained(path):
            try:
                entries = sorted(entry.name for entry in os.scandir(folder))
            except (FileNotFoundError, NotADirectoryError):
                return []
            found = [self._info(folder, name, entry) for entry in entries]
        return [info for info in found if info is not None]

    def delete(self, path: str) -> None:
        """A link is removed, not what it leads to."""
        name = paths.normalize(path)
        if not name:
            raise InvalidParameterValue("Invalid path '': the root of the artifacts cannot be deleted.")
        folder, _, last = name.rpartition("/")
        target = self._locate(folder) / last
        with _errors_explained(path), suppress(FileNotFoundError, NotADirectoryError):
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink()

    def local_path(self, path: str) -> Path | None:
        """Always a path."""
        return self._locate(paths.normalize(path))

    def _locate(self, name: str) -> Path:
        """The path of a normalized name, if following all links in it stays below the root."""
        target = self._root / name if name else self._root
        with _errors_explained(name):
            if not self._holds(target):
                raise InvalidParameterValue(f"Invalid path {name!r}: a link in it leads out of its root.")
        return target

    def _holds(self, target: Path) -> bool:
        """Whether following all links leads below the root. One that leads to itself does; it cannot be opened."""
        return Path(os.path.realpath(target)).is_relative_to(os.path.realpath(self._root))

    def _info(self, folder: Path, parent: str, entry: str) -> FileInfo | None:
        if entry.startswith(paths.UNFINISHED_PREFIX):
            return None
        path = f"{parent}/{entry}" if parent else entry
        target = folder / entry
        try:
            if target.is_symlink() and not (self._holds(target) and target.exists()):
                return None
            if target.is_dir():
                return FileInfo(path=path, is_dir=True)
            return FileInfo(path=path, is_dir=False, file_size=target.stat().st_size)
        except FileNotFoundError:  # deleted meanwhile
            return None


def _nearest_folder(path: Path) -> Path:
    """The folder nearest to a path that is there."""
    while not path.is_dir():
        path = path.parent
    return path


@contextmanager
def _new_folders(folder: Path) -> Iterator[None]:
    """Make the folders on the way, each durable in its parent before the next; none stays when the block fails."""
    missing = []
    above = folder
    while not above.is_dir():
        missing.append(above)
        above = above.parent
    made: list[Path] = []
    try:
        for new in reversed(missing):
            new.mkdir(exist_ok=True)
            made.append(new)
            _sync_folder(new.parent)
        yield
    except OSError:
        for new in reversed(made):
            with suppress(OSError):  # somebody put something there meanwhile
                new.rmdir()
        raise


def _write_durably(unfinished: Path, chunks: Iterable[bytes], path: str) -> None:
    """What the chunks raise is the caller's own and passes as it is."""
    with _errors_explained(path):
        file = unfinished.open("xb")
    with file:
        for chunk in chunks:
            with _errors_explained(path):
                file.write(chunk)
        with _errors_explained(path):
            file.flush()
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make names in a folder durable, where the system can open folders at all (Windows cannot)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Chunks:
    """A part of an open file, piece by piece. The file is closed after the last piece, or when nobody wants more."""

    def __init__(self, file: BinaryIO, start: int, end: int | None) -> None:
        self._file = file
        self._left = None if end is None else end - start
        file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        wanted = CHUNK_BYTES if self._left is None else min(CHUNK_BYTES, self._left)
        chunk = b"" if wanted <= 0 or self._file.closed else self._file.read(wanted)
        if not chunk:
            self.close()
            raise StopIteration
        if self._left is not None:
            self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()

    def __del__(self) -> None:
        self.close()


@contextmanager
def _errors_explained(path: str) -> Iterator[None]:
    """Tell what the caller asked wrongly from what the machine could not do."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidParameterValue(f"Invalid path {path!r}: a file or folder is in the way.") from error
    except OSError as error:
        if error.errno in _CALLERS_FAULT:
            raise InvalidParameterValue(f"Invalid path {path!r}: {error.strerror}.") from error
        raise TemporarilyUnavailable(f"The artifact {path!r} cannot be reached: {error.strerror}.") from error
