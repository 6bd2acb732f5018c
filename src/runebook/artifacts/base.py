"""What an artifact store promises. Paths are relative to the store's root and use `/`; the root itself is ""."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from runebook.core.artifacts import FileInfo

CHUNK_BYTES = 256 * 1024
"""Bytes that a transfer holds at once."""


class ArtifactStore(Protocol):
    """Files and folders below one root. Safe to share between threads.

    Every method takes a path as a client gave it and checks it (`runebook.artifacts.paths.normalize`).

    Raises (each method):
        InvalidParameterValue: the path is not one, or leads out of the root.
        TemporarilyUnavailable: the store cannot be reached.

    """

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a file, whole or not at all, over what was there; folders on the way are made.

        When the chunks raise, nothing is changed. On return the file is durable.

        Raises:
            InvalidParameterValue: a folder stands at the path, or a file on the way to it.

        """

    def get(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to but without `end`, in chunks of at most `CHUNK_BYTES`.

        A file that is replaced meanwhile is read as it was.

        Raises:
            NotFound: there is no such file; raised by the call, not by the first chunk.
            InvalidParameterValue: the path is a folder.

        """

    def stat(self, path: str) -> FileInfo | None:
        """What stands at the path, or None."""

    def list(self, path: str) -> list[FileInfo]:
        """What a folder holds, files and folders mixed, by name. A file, or nothing at the path, holds nothing."""

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all that it holds. What is not there is no error.

        Raises:
            InvalidParameterValue: the path is the root.

        """

    def local_path(self, path: str) -> Path | None:
        """Where the path is on this machine's disk, whether or not something is there; None for remote stores."""


class ArtifactAccess(Protocol):
    """What a use case may do with artifacts: by URI, and only where this process may look."""

    @property
    def served(self) -> ArtifactStore | None:
        """What `mlflow-artifacts:` stands for, or None where nothing is served."""

    def resolve(self, uri: str) -> tuple[ArtifactStore, str]:
        """The store of a URI, and the path in it that the URI names.

        Raises:
            InvalidParameterValue: the URI is malformed, or a local path outside of what may be opened.
            NotSupported: this process does not open such URIs.

        """

    def list(self, uri: str, path: str = "") -> list[FileInfo]:
        """What stands below the URI at a path, each named relative to the URI. Raises as `resolve`."""

    def check_location(self, uri: str) -> None:
        """Raises InvalidParameterValue: an experiment may not keep its artifacts there."""
