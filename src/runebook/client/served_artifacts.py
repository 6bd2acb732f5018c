"""Artifacts that a server keeps: read and written through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec

from runebook.api.artifacts import ListServedArtifacts
from runebook.artifacts import paths
from runebook.artifacts.base import CHUNK_BYTES
from runebook.core.artifacts import FileInfo
from runebook.core.decoders import json_decoder
from runebook.core.errors import InternalError, NotFound

if TYPE_CHECKING:
    import urllib3

    from runebook.client.http import HttpTransport

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


class ServedArtifactStore:
    """An `ArtifactStore` behind MLflow's artifact routes, streamed both ways."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport = transport

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        _finish(self._transport.stream("PUT", _target(paths.normalize_file(path)), body=chunks))

    def get(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        headers = {}
        if start or end is not None:
            found = self.stat(path)
            size = found.file_size if found is not None else None
            if size is not None and (start >= size or (end is not None and end <= start)):
                return iter(())  # HTTP has no range without a byte in it
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        response = self._transport.stream("GET", _target(paths.normalize(path)), headers=headers)
        chunks: Iterator[bytes] = response.stream(CHUNK_BYTES)
        return chunks

    def stat(self, path: str) -> FileInfo | None:
        name = paths.normalize(path)
        folder, _, last = name.rpartition("/")
        if not name:
            return FileInfo(path="", is_dir=True)
        return next((file for file in self.list(folder) if file.path.rpartition("/")[2] == last), None)

    def list(self, path: str) -> list[FileInfo]:
        name = paths.normalize(path)
        target = f"{ROOT}?{urlencode({'path': name})}" if name else ROOT
        try:
            body = self._transport.get(target)
            reply = json_decoder(ListServedArtifacts.Reply).decode(body)
        except NotFound:
            return []
        except msgspec.DecodeError as error:
            raise InternalError(f"The server's list of artifacts cannot be read: {error}.") from None
        return [
            FileInfo(
                path=paths.join(name, file.path.rpartition("/")[2]),
                is_dir=file.is_dir,
                file_size=None if file.is_dir else file.file_size or 0,
            )
            for file in reply.files
        ]

    def delete(self, path: str) -> None:
        _finish(self._transport.stream("DELETE", _target(paths.normalize_file(path))))

    def local_path(self, path: str) -> Path | None:
        paths.normalize(path)
        return None


def _finish(response: urllib3.BaseHTTPResponse) -> None:
    """Read what is left of an answer, so that the connection's next answer is not taken for it."""
    response.drain_conn()
    response.release_conn()


def _target(name: str) -> str:
    return f"{ROOT}/{quote(name)}"
