"""All or nothing: the changes of a transaction are written to a journal, then done, then the journal is removed.

Whoever finds a journal finishes it first, so that a process that was killed at any line leaves either
nothing or everything. The journal lies in the root as a plain file, which MLflow does not mind.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import msgspec

from runebook.core.decoders import json_decoder
from runebook.core.errors import TemporarilyUnavailable
from runebook.storage.files.changes import Append, Change, Delete, MakeFolder, Move, Write
from runebook.storage.files.layout import JOURNAL, NEW_FILE

Readers: TypeAlias = Callable[[], AbstractContextManager[None]]
"""Keeps readers away while changes are put in place."""

_log = logging.getLogger(__name__)
_DIGEST_BYTES = 32


def commit(root: Path, changes: Sequence[Change], readers_away: Readers = contextlib.nullcontext) -> None:
    """Do all the changes, durably. The caller holds the store's lock, and has called `finish` since it took it.

    The journal tells new readers to wait, so that those under way come to an end; where they do not, it is withdrawn.
    """
    if not changes:
        return
    body = msgspec.json.encode(changes)
    _put(root, JOURNAL, hashlib.sha256(body).digest() + body)
    _sync_folder(root)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(readers_away())
        except TemporarilyUnavailable:
            (root / JOURNAL).unlink()
            _sync_folder(root)
            raise
        _apply_all(root, changes)


def is_unfinished(root: Path) -> bool:
    return (root / JOURNAL).exists()


def finish(root: Path, readers_away: Readers = contextlib.nullcontext) -> bool:
    """Finish what a killed process began; whether there was anything. The caller holds the store's lock."""
    try:
        raw = (root / JOURNAL).read_bytes()
    except FileNotFoundError:
        return False
    digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() == digest:
        with readers_away():
            _apply_all(root, json_decoder(list[Change]).decode(body), past_obstacles=True)
        _log.warning("Finished a change of %s that was cut short", root)
    else:
        (root / JOURNAL).unlink()
        _log.warning("Dropped a damaged journal of %s; its change was never acknowledged", root)
    return True


def _apply_all(root: Path, changes: Sequence[Change], *, past_obstacles: bool = False) -> None:
    """Do all the changes and remove the journal.

    Somebody who takes no lock may have put a file where a folder is to be. That is an error to the writer; but who
    finishes for it goes past what can never be done, and logs it.
    """
    touched: dict[Path, None] = {}
    for change in changes:
        try:
            for folder in _apply(root, change):
                touched[folder] = None
        except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
            if not past_obstacles:
                raise
            _log.error("Left out of a change of %s what another writer is in the way of: %s", root, error)
    for folder in touched:
        _sync_folder(folder)
    (root / JOURNAL).unlink()
    _sync_folder(root)


def _apply(root: Path, change: Change) -> list[Path]:
    """Do one change, or see that it is done already. Returns the folders whose entries changed."""
    if isinstance(change, Move):
        source, target = root / change.source, root / change.target
        if source.exists():
            if target.exists():
                raise FileExistsError(f"{source} cannot become {target}, which is there already")
            made = _make_folders(root, target.parent)
            source.rename(target)
            return [*made, source.parent, target.parent]
        return []
    path = root / change.path
    if isinstance(change, MakeFolder):
        return _make_folders(root, path)
    if isinstance(change, Delete):
        path.unlink(missing_ok=True)
        return [path.parent] if path.parent.exists() else []
    made = _make_folders(root, path.parent)
    if isinstance(change, Write):
        _put(root, change.path, change.data)
    else:
        _append(path, change)
    return [*made, path.parent]


def _put(root: Path, path: str, data: bytes) -> None:
    """Put a whole file in place in one step; half-written it lies in the root, where nobody takes it for a key."""
    new = root / NEW_FILE
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(root / path)


def _append(path: Path, change: Append) -> None:
    """Add the lines once, also when this was begun before, and also when MLflow wrote to the file meanwhile."""
    with path.open("ab+") as file:
        file.seek(change.size)
        tail = file.read()
        if change.data in tail and (tail.startswith(change.data) or b"\n" + change.data in tail):
            return
        if tail == change.torn or change.data.startswith(tail):
            if tail:
                _log.warning("Cut the start of a line, %r, off %s: its writer was stopped there", tail[:200], path)
            file.truncate(change.size)
        elif not tail.endswith(b"\n"):
            file.write(b"\n")
        file.write(change.data)
        file.flush()
        os.fsync(file.fileno())


def _make_folders(root: Path, folder: Path) -> list[Path]:
    """Make a folder and those above it. Returns the folders that got a new entry."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            path.mkdir()
    return [path.parent for path in missing]


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return  # somebody else removed it
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
