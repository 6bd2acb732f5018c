"""Where spools lie, and who may write and ship each.

`<root>/<writer>/` holds one spool: `spool.json` says of which store, `owner` is locked by the process that writes it,
`shipper` by the one that ships it, `acknowledged` says how far the store has come, `refused.jsonl` keeps what the store
would not take, `run_ids.json` the ids that a server gave to runs which have others here, `artifacts` files that wait
for their run, and `ended` tells that the runs of a process that is gone have been ended.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct
from struct import error as struct_error
from zlib import crc32

import msgspec
from msgspec import Struct as Record

from runebook.client.spool.artifacts import has_files
from runebook.client.spool.segment import SUFFIX
from runebook.core.clock import now_ms
from runebook.core.decoders import json_decoder
from runebook.core.errors import (
    InvalidState,
    NotFound,
    NotSupported,
    PermissionDenied,
    RunebookError,
    TemporarilyUnavailable,
)
from runebook.core.ids import WriterId

_MARK = Struct("<QI")
_DESCRIPTION = "spool.json"
_OWNER = "owner"
_SHIPPER = "shipper"
_ACKNOWLEDGED = "acknowledged"
REFUSED = "refused.jsonl"
_RUN_IDS = "run_ids.json"
_ENDED = "ended"
VERSION = 1

_logger = logging.getLogger("runebook.spool")


class Description(Record, frozen=True, kw_only=True):
    """Whose spool it is."""

    version: int = VERSION
    writer: str
    tracking_uri: str
    host: str
    process_id: int
    created: int


class SpoolFolder:
    """One spool's folder, of which this process holds a lock."""

    def __init__(self, path: Path, description: Description, locks: list[int]) -> None:
        self.path = path
        self.description = description
        self._locks = locks
        self._mark = os.open(path / _ACKNOWLEDGED, os.O_RDWR | os.O_CREAT, 0o600)
        if not os.fstat(self._mark).st_size:
            self.note_acknowledged(0)  # what is there can be written anew when the disk is full

    @property
    def writer(self) -> WriterId:
        return WriterId(self.description.writer)

    def acknowledged(self) -> int:
        """How far the store had come when that was last noted; it may have come farther."""
        try:
            number, check = _MARK.unpack(os.pread(self._mark, _MARK.size, 0))
        except struct_error:
            return 0
        return int(number) if check == crc32(str(number).encode()) else 0

    def note_acknowledged(self, number: int) -> None:
        os.pwrite(self._mark, _MARK.pack(number, crc32(str(number).encode())), 0)

    def keep_refused(self, lines: Iterable[bytes]) -> None:
        try:
            with (self.path / REFUSED).open("ab") as file:
                file.writelines(line + b"\n" for line in lines)
        except OSError as error:
            _logger.error("What the store refused cannot be kept in %s: %s", self.path, error)

    def read_run_ids(self) -> dict[str, str]:
        """The ids that a server gave to runs of this spool that have others here."""
        try:
            return msgspec.json.decode((self.path / _RUN_IDS).read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}

    def write_run_ids(self, run_ids: dict[str, str]) -> None:
        renewed = self.path / f"{_RUN_IDS}.new"
        renewed.write_bytes(msgspec.json.encode(run_ids))
        renewed.replace(self.path / _RUN_IDS)

    def has_ended_runs(self) -> bool:
        return (self.path / _ENDED).exists()

    def note_ended_runs(self) -> None:
        """The runs of a process that is gone are ended once: somebody may have resumed them since."""
        (self.path / _ENDED).touch()

    def close(self, *, remove: bool) -> None:
        """Let go of it; what the store refused, and files that wait for their run, stay in any case."""
        os.close(self._mark)
        if remove and not (self.path / REFUSED).exists() and not has_files(self.path):
            shutil.rmtree(self.path, ignore_errors=True)
        for lock in self._locks:
            os.close(lock)

    def abandon(self) -> None:
        """In a forked child: forget it without letting go of the locks, which are the parent's."""
        os.close(self._mark)
        for lock in self._locks:
            os.close(lock)


def spool_root(chosen: str | None) -> Path:
    """The folder of all spools: as set, else in the user's state folder, else in the folder for temporary files."""
    if chosen:
        return Path(chosen).expanduser().absolute()
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    root = Path(state).expanduser() / "runebook" / "spool"
    with contextlib.suppress(OSError, RuntimeError):
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(root, os.W_OK | os.X_OK):
            return root
    import tempfile  # slow to import, and rarely needed

    return Path(tempfile.gettempdir()) / f"runebook-{os.getuid() if hasattr(os, 'getuid') else 'spool'}" / "spool"


def make_folder(root: Path, writer: WriterId, tracking_uri: str, *, is_shipped: bool) -> SpoolFolder:
    """A new spool's folder.

    Args:
        is_shipped: whether this process ships it too, and nobody else meanwhile.

    Raises:
        TemporarilyUnavailable: there can be none at this place.

    """
    path = root / writer
    try:
        path.mkdir(parents=True, mode=0o700)
        if root.stat().st_uid != os.getuid():
            raise PermissionError(13, f"{root} belongs to another user")
        description = Description(
            writer=writer,
            tracking_uri=tracking_uri,
            host=platform.node(),
            process_id=os.getpid(),
            created=now_ms(),
        )
        locks = [_lock(path / name) for name in ([_OWNER, _SHIPPER] if is_shipped else [_OWNER])]
        (path / _DESCRIPTION).write_bytes(msgspec.json.encode(description))
        return SpoolFolder(path, description, [lock for lock in locks if lock is not None])
    except OSError as error:
        raise TemporarilyUnavailable(
            f"There can be no spool in {path}: {error.strerror or error}. Set RUNEBOOK_SPOOL_DIR to a folder that "
            "this user may write."
        ) from error


def _lock(path: Path) -> int | None:
    """Lock a file; None when another process holds it. The lock ends with the process, however it ends."""
    import fcntl

    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def is_spool(path: Path) -> bool:
    """Whether a folder is, or is what is left of, a spool; so may be one that only another user can read."""
    try:
        return any(entry.name == _DESCRIPTION or entry.suffix == SUFFIX for entry in path.iterdir())
    except PermissionError:
        return True
    except OSError:
        return False


def left_folders(root: Path) -> Iterator[Path]:
    """The folders of spools, the oldest first; some may still be in use."""
    if root.is_dir():
        for path in sorted(root.iterdir()):
            if os.path.exists(path / _DESCRIPTION):  # noqa: PTH110  # in other users' folders, there is nothing
                yield path


def describe(path: Path) -> Description | None:
    """What a spool says of itself; None of one that is damaged or gone."""
    try:
        return read_description(path)
    except RunebookError:
        return None


def read_description(path: Path) -> Description:
    """What a spool says of itself.

    Raises:
        NotFound: there is no spool in this folder.
        PermissionDenied: another user's.
        NotSupported: a newer release wrote it.
        InvalidState: it is damaged.

    """
    try:
        found: Description = json_decoder(Description).decode((path / _DESCRIPTION).read_bytes())
    except PermissionError as error:
        raise PermissionDenied(_another_users(path)) from error
    except FileNotFoundError as error:
        raise NotFound(f"There is no spool in {path}: it has no {_DESCRIPTION}.") from error
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidState(f"The spool in {path} is damaged: its {_DESCRIPTION} cannot be read ({error}).") from error
    if found.version > VERSION:
        raise NotSupported(
            f"The spool in {path} has format {found.version}, which a newer Runebook wrote: upgrade this one."
        )
    return found


def _another_users(path: Path) -> str:
    return f"The spool in {path} belongs to another user: ship it as that user."


def is_owned(path: Path) -> bool:
    """Whether a process is writing it."""
    try:
        lock = _lock(path / _OWNER)
    except OSError:
        return False
    if lock is None:
        return True
    os.close(lock)
    return False


def take_to_ship(path: Path) -> SpoolFolder | None:
    """A spool that another process left, or writes and does not ship; None when somebody else ships it.

    Raises:
        RunebookError: as `read_description`; or the folder cannot be written.

    """
    description = read_description(path)
    try:
        lock = _lock(path / _SHIPPER)
        return None if lock is None else SpoolFolder(path, description, [lock])
    except PermissionError as error:
        raise PermissionDenied(_another_users(path)) from error
    except OSError as error:
        raise TemporarilyUnavailable(
            f"The spool in {path} cannot be shipped from there: {error.strerror}. Copy it to a disk that can be "
            "written."
        ) from error
