"""From the URI of an experiment, run or model to the store that holds its files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from runebook.artifacts import paths
from runebook.artifacts.base import ArtifactStore
from runebook.artifacts.local import LocalArtifactStore
from runebook.core.artifacts import FileInfo
from runebook.core.errors import InvalidParameterValue, NotSupported
from runebook.core.limits import MAX_ARTIFACT_LOCATION_LENGTH

SERVED_SCHEME = "mlflow-artifacts"
HOST_ADDRESSED_SCHEMES = frozenset(
    {"ftp", "sftp", "hdfs", "viewfs", "http", "https", "r2", "b2", "abfss", "abfs", "wasb", "wasbs"}
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
"""Two letters at least: one letter is a drive."""


class ArtifactResolver:
    """Knows which stores this process may open, and opens no others.

    Args:
        served: what `mlflow-artifacts:` stands for: on a server its own destination, on a client the server's
            proxy; None where there is no such thing.
        roots: local folders that may be opened. None allows any, which only a process that acts for its own
            user may do.

    """

    def __init__(self, *, served: ArtifactStore | None = None, roots: Sequence[Path] | None = None) -> None:
        self._served = served
        self._roots = None if roots is None else tuple(root.resolve() for root in roots)

    @property
    def served(self) -> ArtifactStore | None:
        """What `mlflow-artifacts:` stands for."""
        return self._served

    def resolve(self, uri: str) -> tuple[ArtifactStore, str]:
        """The store of a URI, and the path in it that the URI names ("" for the store's root).

        Raises:
            InvalidParameterValue: the URI is malformed, or a local path outside of what may be opened.
            NotSupported: this process does not open such URIs.

        """
        scheme = _scheme(uri)
        if scheme == SERVED_SCHEME:
            return self._resolve_served(uri)
        if scheme in {"", "file"}:
            return self._resolve_local(uri)
        raise NotSupported(f"Artifacts at '{scheme}:' addresses cannot be read here; use the store's own client.")

    def list(self, uri: str, path: str = "") -> list[FileInfo]:
        """What stands below the URI at a path, each named relative to the URI."""
        inner = paths.normalize(path)
        store, prefix = self.resolve(uri)
        skipped = len(prefix) + 1 if prefix else 0
        return [
            FileInfo(path=info.path[skipped:], is_dir=info.is_dir, file_size=info.file_size)
            for info in store.list(paths.join(prefix, inner))
        ]

    def check_location(self, uri: str) -> None:
        """Whether an experiment may keep its artifacts there, by MLflow's rules.

        Raises:
            InvalidParameterValue: too long, with a fragment, params or `..`, or addressed by host.

        """
        if len(uri) > MAX_ARTIFACT_LOCATION_LENGTH:
            raise InvalidParameterValue(
                f"'artifact_location' exceeds the maximum length of {MAX_ARTIFACT_LOCATION_LENGTH} characters."
            )
        parsed = _split(uri, "'artifact_location'")
        if parsed.fragment or "#" in uri or ";" in uri:
            raise InvalidParameterValue(f"'artifact_location' must not hold a fragment or params: {uri!r}.")
        _refuse_upwards(uri, "'artifact_location'")
        scheme = _scheme(uri)
        if scheme in HOST_ADDRESSED_SCHEMES or (scheme in {SERVED_SCHEME, "file"} and parsed.netloc):
            raise InvalidParameterValue(
                f"'artifact_location' must not name a host: {uri!r}. Use a path, 'mlflow-artifacts:/' or a bucket."
            )

    def _resolve_served(self, uri: str) -> tuple[ArtifactStore, str]:
        parsed = _split(uri)
        if parsed.netloc:
            raise NotSupported(f"Artifacts of another server cannot be read here: {uri!r}.")
        if self._served is None:
            raise NotSupported(f"This server does not serve artifacts, so {uri!r} cannot be read.")
        return self._served, paths.normalize(parsed.path.lstrip("/"))

    def _resolve_local(self, uri: str) -> tuple[ArtifactStore, str]:
        if not uri.strip():
            raise InvalidParameterValue("Invalid artifact URI '': it is empty.")
        _refuse_upwards(uri)
        folder = _local_folder(uri).resolve()
        if self._roots is None:
            return LocalArtifactStore(folder), ""
        for root in self._roots:
            if folder.is_relative_to(root):
                prefix = folder.relative_to(root).as_posix()
                return LocalArtifactStore(root), "" if prefix == "." else prefix
        raise InvalidParameterValue(
            f"This server does not open {uri!r}: it is not below its own artifact root. Read it where the path is."
        )


def _scheme(uri: str) -> str:
    found = _SCHEME.match(uri)
    return found[1].lower() if found else ""


def _split(uri: str, name: str = "artifact URI") -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError as error:
        raise InvalidParameterValue(f"Invalid {name} {uri!r}: {error}.") from None


def _local_folder(uri: str) -> Path:
    if _scheme(uri) != "file":
        return Path(uri)
    parsed = _split(uri)
    if parsed.netloc not in {"", "localhost"}:
        raise NotSupported(f"Artifacts of another host cannot be read here: {uri!r}.")
    return Path(unquote(parsed.path))


def _refuse_upwards(uri: str, name: str = "artifact URI") -> None:
    spelling = uri
    while (decoded := unquote(spelling)) != spelling:
        spelling = decoded
    if any(part.partition(";")[0].strip() == ".." for part in re.split(r"[/\\]", spelling)) or "\0" in spelling:
        raise InvalidParameterValue(f"Invalid {name} {uri!r}: it must not hold '..' or NUL.")
