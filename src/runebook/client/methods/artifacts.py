"""Methods on artifacts: the files of runs and logged models."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from io import BufferedIOBase, RawIOBase
from pathlib import Path, PurePosixPath
from typing import Any

from runebook.api.artifacts import ListArtifacts
from runebook.api.logged_models import ListLoggedModelArtifacts
from runebook.artifacts import paths
from runebook.artifacts.base import CHUNK_BYTES, ArtifactStore
from runebook.client import uris
from runebook.client.entities import FileInfo
from runebook.client.figures import figure_bytes
from runebook.client.methods.logged_models import LoggedModelMethods
from runebook.client.methods.runs import RunMethods
from runebook.client.spool.run_log import SpooledLog
from runebook.client.values import path_text
from runebook.core.errors import InvalidParameterValue, NotFound, TemporarilyUnavailable
from runebook.core.ids import ModelId, RunId

_logger = logging.getLogger("runebook.runs")


class ArtifactMethods(RunMethods, LoggedModelMethods):
    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """A file, or a folder under its own name, below the folder `artifact_path` of the run."""
        self._write_files(run_id, lambda folder: folder.add(Path(local_path), artifact_path or ""))

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """What a folder holds, without the folder itself."""
        self._write_files(run_id, lambda folder: folder.add_content(Path(local_dir), artifact_path or ""))

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        if not isinstance(text, str):
            raise InvalidParameterValue(
                f"'text' must be a text, got a {type(text).__name__}. Use log_dict for a dict, log_stream for bytes."
            )
        try:
            content = text.encode()
        except UnicodeEncodeError as error:
            raise InvalidParameterValue(f"The text of {str(artifact_file)!r} is not valid Unicode: {error}.") from error
        self._write_files(run_id, lambda folder: folder.put(artifact_file, [content]))

    def log_dict(self, run_id: str, dictionary: dict[str, Any], artifact_file: str) -> None:
        """As YAML when the file is named so, else as JSON; what JSON cannot hold becomes a text."""
        content = _as_text(dictionary, artifact_file).encode()
        self._write_files(run_id, lambda folder: folder.put(artifact_file, [content]))

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None
    ) -> None:
        """A figure of Matplotlib or Plotly, in the format that the file's name asks for."""
        content = figure_bytes(figure, artifact_file, save_kwargs or {})
        self._write_files(run_id, lambda folder: folder.put(artifact_file, [content]))

    def log_stream(self, run_id: str, stream: BufferedIOBase | RawIOBase, artifact_file: str) -> None:
        chunks = iter(lambda: stream.read(CHUNK_BYTES) or b"", b"")
        self._write_files(run_id, lambda folder: folder.put(artifact_file, chunks), can_repeat=False)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """What stands in one folder, named relative to the run's root."""
        reply: ListArtifacts.Reply = self._call(
            ListArtifacts(run_id=RunId(run_id), path=path_text("path", path) if path else None)
        )
        return [FileInfo(file.path, file.is_dir, file.file_size) for file in reply.files]

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        """Returns where the file or folder stands now: a copy below `dst_path`, or a new temporary folder."""
        return self._folder_of_run(run_id).copy_to(path, dst_path)

    def log_model_artifact(self, model_id: str, local_path: str, artifact_path: str | None = None) -> None:
        self._folder_of_model(model_id).add(Path(local_path), artifact_path or "")

    def log_model_artifacts(self, model_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        self._folder_of_model(model_id).add_content(Path(local_dir), artifact_path or "")

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        reply: ListLoggedModelArtifacts.Reply = self._call(
            ListLoggedModelArtifacts(model_id=ModelId(model_id), artifact_directory_path=path or None)
        )
        return [FileInfo(file.path, file.is_dir, file.file_size) for file in reply.files]

    def artifact_folder(self, uri: str) -> ArtifactFolder:
        """The files below an artifact URI, such as `run.info.artifact_uri`."""
        return ArtifactFolder(*self.transport.artifacts(uri))

    def _write_files(self, run_id: str, write: Callable[[ArtifactFolder], None], *, can_repeat: bool = True) -> None:
        """Write into the folder of a run; while its server is away, into the spool, which brings it there later."""
        log = self.log
        if not isinstance(log, SpooledLog) or not log.is_away:
            try:
                return write(self._folder_of_run(run_id))
            except TemporarilyUnavailable as error:
                if not isinstance(log, SpooledLog) or not uris.is_server(self._uri) or not can_repeat:
                    raise
                _logger.warning("%s The files of run %s are kept here until then.", error, run_id)
        write(ArtifactFolder(*log.keep_files(run_id)))
        return None

    def _folder_of_run(self, run_id: str) -> ArtifactFolder:
        uri = self._artifact_uris.get(run_id)
        if uri is None:
            uri = self._artifact_uris[run_id] = self.get_run(run_id).info.artifact_uri or ""
        return self.artifact_folder(uri)

    def _folder_of_model(self, model_id: str) -> ArtifactFolder:
        uri = self._artifact_uris.get(model_id)
        if uri is None:
            uri = self._artifact_uris[model_id] = self.get_logged_model(model_id).artifact_location
        return self.artifact_folder(uri)


class ArtifactFolder:
    """The files of one run or model, by paths relative to its root."""

    def __init__(self, store: ArtifactStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        name = path_text("artifact_file", path)
        self._store.put(paths.join(self._prefix, paths.normalize_file(name)), chunks)

    def get(self, path: str) -> bytes:
        """A whole file. Raises NotFound."""
        return b"".join(self._store.get(paths.join(self._prefix, path)))

    def list(self, path: str) -> list[FileInfo]:
        skipped = len(self._prefix) + 1 if self._prefix else 0
        found = self._store.list(paths.join(self._prefix, path))
        return [FileInfo(file.path[skipped:], file.is_dir, file.file_size) for file in found]

    def add(self, local: Path, folder: str) -> None:
        """A file or folder of this machine, under its own name."""
        folder = path_text("artifact_path", folder)
        if local.is_dir():
            self.add_content(local, paths.join(folder, local.absolute().name))
        elif local.is_file():
            self._add_file(local, paths.join(folder, local.name))
        else:
            raise InvalidParameterValue(f"There is no file or folder at {str(local)!r}.")

    def add_content(self, local: Path, folder: str) -> None:
        folder = path_text("artifact_path", folder)
        if not local.is_dir():
            raise InvalidParameterValue(f"There is no folder at {str(local)!r}.")
        for file in sorted(local.rglob("*")):
            if file.is_file():
                self._add_file(file, paths.join(folder, file.relative_to(local).as_posix()))

    def copy_to(self, path: str, destination: str | None) -> str:
        """Copy a file, or a folder with all in it; returns where it stands.

        Raises:
            NotFound: nothing stands at the path.

        """
        name = paths.normalize(path_text("path", path))
        root = Path(destination) if destination else _temporary_folder()
        if not root.is_dir():
            raise InvalidParameterValue(f"There is no folder at {destination!r}: make it first.")
        if not self._copy_folder(name, root):
            self._copy_file(name, root)
        return str((root / name).absolute())

    def _copy_folder(self, name: str, root: Path) -> bool:
        """Whether the path is a folder; a root that holds nothing is one too."""
        found = self._store.stat(paths.join(self._prefix, name)) if name else None
        if found is not None and not found.is_dir:
            return False
        files = self.list(name)
        if not files and name and found is None:
            return False
        (root / name).mkdir(parents=True, exist_ok=True)
        for file in files:
            if file.is_dir:
                self._copy_folder(file.path, root)
            else:
                self._copy_file(file.path, root)
        return True

    def _copy_file(self, name: str, root: Path) -> None:
        if not name:
            raise NotFound("The run has no artifacts.")
        chunks: Iterator[bytes] = self._store.get(paths.join(self._prefix, name))
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.writelines(chunks)

    def _add_file(self, local: Path, path: str) -> None:
        with local.open("rb") as file:
            self.put(path, iter(lambda: file.read(CHUNK_BYTES), b""))


def _as_text(dictionary: dict[str, Any], artifact_file: str) -> str:
    if PurePosixPath(path_text("artifact_file", artifact_file)).suffix.lower() in {".yaml", ".yml"}:
        import yaml

        try:
            text: str = yaml.safe_dump(
                dictionary, indent=2, default_flow_style=False, allow_unicode=True, sort_keys=False
            )
        except yaml.YAMLError as error:
            raise InvalidParameterValue(
                f"{artifact_file!r} cannot be written, for YAML has no way to say a value of the dict: {error}. "
                "Make it a number, a text, a list or a dict, or log it as JSON."
            ) from error
        return text
    try:
        return json.dumps(dictionary, indent=2, default=str)
    except (TypeError, ValueError) as error:
        raise InvalidParameterValue(f"{artifact_file!r} cannot be written as JSON: {error}.") from error


def _temporary_folder() -> Path:
    import tempfile  # slow to import, and rarely needed

    return Path(tempfile.mkdtemp(prefix="runebook-"))
