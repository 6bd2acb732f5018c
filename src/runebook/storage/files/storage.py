"""The file store, open."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runebook.core.clock import now_ms
from runebook.core.errors import TemporarilyUnavailable
from runebook.storage.base import Transaction
from runebook.storage.files import journal
from runebook.storage.files.datasets import DatasetFiles
from runebook.storage.files.experiments import ExperimentFiles
from runebook.storage.files.idempotency import IdempotencyFiles
from runebook.storage.files.layout import LOCK, READERS_LOCK, TRASH
from runebook.storage.files.leases import LeaseFiles
from runebook.storage.files.lock import ReadersLock, WriterLock
from runebook.storage.files.logged_models import LoggedModelFiles
from runebook.storage.files.metrics import MetricFiles
from runebook.storage.files.params import ParamFiles
from runebook.storage.files.runs import RunFiles
from runebook.storage.files.tags import TagFiles
from runebook.storage.files.view import Caches, View
from runebook.storage.files.writers import WriterFiles

READERS_WAIT_S = 2.0
"""How long a new reader lets a writer go first that waits for the readers under way."""

_PAUSE_S = 0.001


class FileTransaction(NamedTuple):
    """The stores of one transaction, over one view of the files."""

    experiments: ExperimentFiles
    runs: RunFiles
    params: ParamFiles
    tags: TagFiles
    metrics: MetricFiles
    datasets: DatasetFiles
    logged_models: LoggedModelFiles
    idempotency: IdempotencyFiles
    writers: WriterFiles
    leases: LeaseFiles


def transaction_over(view: View) -> FileTransaction:
    return FileTransaction(
        experiments=ExperimentFiles(view),
        runs=RunFiles(view),
        params=ParamFiles(view),
        tags=TagFiles(view),
        metrics=MetricFiles(view),
        datasets=DatasetFiles(view),
        logged_models=LoggedModelFiles(view),
        idempotency=IdempotencyFiles(view),
        writers=WriterFiles(view),
        leases=LeaseFiles(view),
    )


class FileStorage:
    """MLflow's `mlruns` folder. One writer at a time, be it a thread or a process, beside any number of readers.

    A write is all or nothing, to readers and also when its process is killed. A writer waits with putting its changes
    in place until the reads under way have ended; so a thread must not write within a read of its own. MLflow takes
    no lock: it may write beside, and what it is about to write may be seen in part.
    """

    def __init__(self, root: Path, artifact_root: str) -> None:
        self._root = root
        self._artifact_root = artifact_root
        self._lock = WriterLock(root / LOCK)
        self._readers = ReadersLock(root / READERS_LOCK)
        self._caches = Caches()

    @classmethod
    def open(cls, path: str, *, artifact_root: str) -> FileStorage:
        """Open the store in a folder, and make it, with its default experiment, where there is none.

        Raises:
            TemporarilyUnavailable: the folder cannot be made or written.

        """
        root = Path(path).absolute()
        store = cls(root, artifact_root.rstrip("/"))
        try:
            (root / TRASH).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TemporarilyUnavailable(f"There can be no store in {root}: {error}") from error
        with store._read_view() as view:
            complete = view.find_experiment("0") is not None
        if not complete:
            with store._write_view() as view:
                ExperimentFiles(view).put_default(store.artifact_root, now_ms())
        return store

    @property
    def store_type(self) -> str:
        return "FileStore"

    @property
    def artifact_root(self) -> str:
        return self._artifact_root

    @contextlib.contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._read_view() as view:
            yield transaction_over(view)

    @contextlib.contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._write_view() as view:
            yield transaction_over(view)

    def fold_step(self, max_runs: int) -> int:
        """Nothing to do: metric files have no frames."""
        del max_runs
        return 0

    def close(self) -> None:
        """Nothing is held between transactions."""

    @contextlib.contextmanager
    def _read_view(self) -> Iterator[View]:
        self._settle()
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._readers.shared())
            except OSError as error:
                raise TemporarilyUnavailable(f"The store in {self._root} cannot be read: {error}") from error
            yield View(self._root, self._caches, writable=False)

    @contextlib.contextmanager
    def _write_view(self) -> Iterator[View]:
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._lock.held())
                journal.finish(self._root, self._readers.exclusive)
            except OSError as error:
                raise self._unwritable(error) from error
            view = View(self._root, self._caches, writable=True)
            yield view
            try:
                journal.commit(self._root, view.files.changes(), self._readers.exclusive)
            except OSError as error:
                raise self._unwritable(error) from error

    def _settle(self) -> None:
        """Wait for a writer that is putting its changes in place; finish what a killed one left."""
        deadline = time.monotonic() + READERS_WAIT_S
        while journal.is_unfinished(self._root) and time.monotonic() < deadline:
            try:
                with self._lock.held_if_free() as held:
                    if held:
                        journal.finish(self._root, self._readers.exclusive)
                        return
            except OSError as error:
                raise self._unwritable(error) from error
            time.sleep(_PAUSE_S)

    def _unwritable(self, error: OSError) -> TemporarilyUnavailable:
        return TemporarilyUnavailable(f"The store in {self._root} cannot be written: {error}")
