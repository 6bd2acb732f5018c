"""Files that runs log while their store is away. They lie beside the spool until they can be uploaded.

`artifacts/<run id>/<path>` is such a file, whole. It is a copy: a link would change with the original, which many
programs write again. Who uploads it moves it to `artifacts.taken` first, so that a newer one of the same path, which
the process may write meanwhile, is not taken for the one that was uploaded.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runebook.api.runs import GetRun
from runebook.artifacts.paths import UNFINISHED_PREFIX, join
from runebook.core.checks import check_run_id
from runebook.core.errors import RunebookError, TemporarilyUnavailable
from runebook.core.ids import RunId

if TYPE_CHECKING:
    from runebook.artifacts.base import ArtifactStore
    from runebook.client.spool.delivery import RunIds
    from runebook.client.transport import Transport

_logger = logging.getLogger("runebook.spool")
_KEPT = "artifacts"
_TAKEN = "artifacts.taken"


class Upload(NamedTuple):
    """A file that was brought to its run, or that its store refused."""

    run_id: str
    path: str
    size_bytes: int
    error: RunebookError | None = None
    """Why it was not; it stays where it is."""


class KeptFiles:
    """The files that this process keeps."""

    def __init__(self, transport: Transport) -> None:
        self.are_there = False
        self._transport = transport
        self._lock = threading.Lock()

    def keep(self, spool: Path, run_id: str) -> tuple[ArtifactStore, str]:
        """Where files of a run are put, as `Transport.artifacts` gives it: all stores have the same rules for paths."""
        from runebook.artifacts.resolver import ArtifactResolver  # few processes ever keep files

        check_run_id(run_id)
        self.are_there = True
        return ArtifactResolver().resolve(str(spool / _KEPT / run_id))

    def upload(self, spool: Path, run_ids: RunIds) -> bool:
        """Bring them to their runs. Returns whether the store could be reached; what it refuses stays here."""
        with self._lock:
            if not self.are_there:
                return True
            try:
                for upload in upload_files(spool, self._transport, run_ids):
                    if upload.error is not None:
                        _logger.error("Run %s: the file %s is not taken: %s", *upload[:2], upload.error)
            except RunebookError as error:
                _logger.warning("%s", error)
                return False
            self.are_there = False
        return True


def has_files(spool: Path) -> bool:
    """Whether files wait for their runs."""
    return next(waiting_files(spool), None) is not None


def waiting_files(spool: Path) -> Iterator[tuple[str, str]]:
    """Run and path of each."""
    yield from _files(spool / _TAKEN)
    yield from _files(spool / _KEPT)


def upload_files(spool: Path, transport: Transport, run_ids: RunIds) -> Iterator[Upload]:
    """Bring each file to its run, one a step. One that was cut off in the middle is brought again.

    Raises:
        TemporarilyUnavailable: the store cannot take anything now; the files stay.

    """
    for run_id, path in list(_files(spool / _TAKEN)):
        yield _upload(spool, run_id, path, transport, run_ids)
    refused = {(run_id, path) for run_id, path in _files(spool / _TAKEN)}
    for run_id, path in list(_files(spool / _KEPT)):
        if (run_id, path) in refused:
            continue
        taken = spool / _TAKEN / run_id / path
        taken.parent.mkdir(parents=True, exist_ok=True)
        (spool / _KEPT / run_id / path).replace(taken)
        yield _upload(spool, run_id, path, transport, run_ids)
    if next(_files(spool / _TAKEN), None) is None:
        shutil.rmtree(spool / _TAKEN, ignore_errors=True)


def _upload(spool: Path, run_id: str, path: str, transport: Transport, run_ids: RunIds) -> Upload:
    from runebook.artifacts.base import CHUNK_BYTES

    taken = spool / _TAKEN / run_id / path
    size_bytes = taken.stat().st_size
    try:
        reply: GetRun.Reply = transport.call(GetRun(run_id=RunId(run_ids.of(run_id))))
        store, prefix = transport.artifacts(reply.run.info.artifact_uri)
        with taken.open("rb") as file:
            store.put(join(prefix, path), iter(lambda: file.read(CHUNK_BYTES), b""))
    except TemporarilyUnavailable:
        raise
    except RunebookError as error:
        return Upload(run_id, path, size_bytes, error)
    taken.unlink()
    for folder in taken.relative_to(spool / _TAKEN).parents:
        with contextlib.suppress(OSError):  # another file is in there
            (spool / _TAKEN / folder).rmdir()
    return Upload(run_id, path, size_bytes)


def _files(root: Path) -> Iterator[tuple[str, str]]:
    """Run and path of each file that is whole."""
    for file in sorted(root.rglob("*")) if root.is_dir() else ():
        run_id, _, path = file.relative_to(root).as_posix().partition("/")
        if path and file.is_file() and not file.name.startswith(UNFINISHED_PREFIX):
            yield run_id, path
