"""The services in this process: the one place where the client wires them to a store."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import Any

from runebook.api import codec
from runebook.api.operation import Operation
from runebook.artifacts.base import ArtifactStore
from runebook.artifacts.resolver import ArtifactResolver
from runebook.client import uris
from runebook.client.forks import ForkGate
from runebook.client.interruption import uninterrupted
from runebook.client.transport import Transport
from runebook.services.dispatch import Services
from runebook.storage.base import TransactionConflict
from runebook.storage.opening import open_storage


def open_local(uri: str) -> LocalTransport:
    """Open the store at an absolute URI, and make it when there is none."""
    root = uris.artifact_root(uri)
    return LocalTransport(uri, _temporary_folder() if root is None else root)


class LocalTransport:
    """Calls use cases as functions: no server, no JSON."""

    def __init__(self, uri: str, artifact_root: str) -> None:
        self.uri = uri
        self._artifact_root = artifact_root
        self._gate = ForkGate()
        self._resolver = ArtifactResolver()
        self._services: Services | None = self._open()
        self._is_shut_out = False

    def _open(self) -> Services:
        return Services(open_storage(self.uri, artifact_root=self._artifact_root), self._resolver)

    def call(self, operation: Operation) -> Any:
        codec.check_texts(operation)
        with uninterrupted, self._gate:
            if self._services is None:
                self._services = self._open()
            return self._services.call(operation)

    def artifacts(self, uri: str) -> tuple[ArtifactStore, str]:
        return self._resolver.resolve(uri)

    def reach(self) -> None:
        """It was opened."""

    def takes_long_tags(self) -> bool:
        return True

    def takes_frames(self) -> bool:
        return True

    def for_shipping(self) -> Transport:
        return self

    def upkeep(self) -> None:
        with contextlib.suppress(TransactionConflict), self._gate:  # another process is at it
            if self._services is not None:
                self._services.storage.fold_step(1)

    def before_fork(self) -> None:
        """Close the files: SQLite's locks belong to a process and do not bear a fork. What is in memory is copied."""
        self._is_shut_out = not self._gate.shut()
        if self._services is not None and not self._is_shut_out and not self.uri.startswith("memory:"):
            self._services.close()
            self._services = None

    def after_fork(self) -> None:
        self._gate.open()

    def after_fork_in_child(self) -> None:
        if self._is_shut_out:
            self._services = None  # the parent was inside of it; what it left half-done is the parent's
        self._gate.renew()

    def close(self) -> None:
        if self._services is not None:
            self._services.close()
            self._services = None


def _temporary_folder() -> str:
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="runebook-")
    atexit.register(_remove_own, os.getpid(), partial(shutil.rmtree, folder, ignore_errors=True))
    return folder


def _remove_own(pid: int, remove: partial[None]) -> None:
    """A child process must not remove its parent's files."""
    if os.getpid() == pid:
        remove()
