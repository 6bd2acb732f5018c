"""A file as an answer: streamed in bounded memory, by range, and never run by a browser."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runebook.artifacts.base import ArtifactStore
from runebook.core.errors import InvalidParameterValue, NotFound
from runebook.server.ranges import ByteRange, Unsatisfiable, is_unchanged, wanted_range

_TEXT_SUFFIXES = frozenset(
    {".cfg", ".conf", ".css", ".csv", ".err", ".ini", ".js", ".json", ".jsonl", ".jsx", ".log", ".md", ".mdx"}
    | {".mlmodel", ".mlproject", ".out", ".py", ".r", ".rst", ".sh", ".sql", ".toml", ".ts", ".tsx", ".tsv", ".txt"}
    | {".xml", ".yaml", ".yml"}
)
_TEXT_NAMES = frozenset({"mlmodel", "mlproject", "dockerfile", "makefile", "license", "readme"})
_types = mimetypes.MimeTypes()


class Version(NamedTuple):
    """A file as it stood when it was asked for."""

    size: int
    etag: str


class _Opened(NamedTuple):
    """A version, what of it is wanted, and its bytes when they are."""

    version: Version
    wanted: ByteRange | Unsatisfiable | None = None
    chunks: Iterator[bytes] | None = None
    is_unchanged: bool = False


async def download(request: Request, store: ArtifactStore, path: str, limiter: CapacityLimiter) -> Response:
    """The answer to GET and HEAD.

    Raises:
        NotFound: there is no such file.
        InvalidParameterValue: it is a folder.

    """
    opened = await anyio.to_thread.run_sync(_open, store, path, request, limiter=limiter)
    headers = _headers(path, opened.version)
    size = opened.version.size
    if opened.is_unchanged:
        return Response(status_code=304, headers=headers)
    if isinstance(opened.wanted, Unsatisfiable):
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, end = opened.wanted or ByteRange(0, size)
    if opened.wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    status = 200 if opened.wanted is None else 206
    if opened.chunks is None:
        return Response(status_code=status, headers=headers, media_type=_media_type(path))
    return StreamingResponse(_in_threads(opened.chunks, limiter), status, headers, _media_type(path))


def _open(store: ArtifactStore, path: str, request: Request) -> _Opened:
    """The file with the version that its bytes belong to: one that is replaced in between is opened again."""
    version = _version(store, path)
    while True:
        if is_unchanged(request.headers, version.etag):
            return _Opened(version, is_unchanged=True)
        wanted = wanted_range(request.headers, version.size, version.etag)
        if isinstance(wanted, Unsatisfiable) or request.method == "HEAD":
            return _Opened(version, wanted)
        start, end = wanted or ByteRange(0, version.size)
        chunks = store.get(path, start, end)
        seen = version
        version = _version(store, path)
        if version == seen:
            return _Opened(version, wanted, chunks)


async def _in_threads(chunks: Iterator[bytes], limiter: CapacityLimiter) -> AsyncIterator[bytes]:
    """Read each chunk in a thread; a client that is slow holds none meanwhile."""
    following: Callable[[], bytes | None] = partial(next, chunks, None)
    try:
        while (chunk := await anyio.to_thread.run_sync(following, limiter=limiter)) is not None:
            yield chunk
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _version(store: ArtifactStore, path: str) -> Version:
    info = store.stat(path)
    if info is None:
        raise NotFound(f"No such artifact: {path!r}")
    if info.is_dir:
        raise InvalidParameterValue(f"Artifact path refers to a directory, not a file: {path!r}.")
    local = store.local_path(path)
    try:
        written = os.stat(local).st_mtime_ns if local is not None else 0  # noqa: PTH116  # one call, in any thread
    except (FileNotFoundError, NotADirectoryError):  # deleted since the line above
        raise NotFound(f"No such artifact: {path!r}") from None
    size = info.file_size or 0
    return Version(size, f'"{written:x}-{size:x}"')


def _headers(path: str, version: Version) -> dict[str, str]:
    name = PurePosixPath(path).name
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "ETag": version.etag,
        "X-Content-Type-Options": "nosniff",
    }


def _media_type(path: str) -> str:
    name = PurePosixPath(path.lower())
    if name.suffix in _TEXT_SUFFIXES or name.name in _TEXT_NAMES:
        return "text/plain"
    return _types.guess_type(name.name)[0] or "application/octet-stream"
