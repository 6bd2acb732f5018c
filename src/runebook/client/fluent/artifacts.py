"""Artifacts of the active run, and by URI."""

from __future__ import annotations

import json
from io import BufferedIOBase, RawIOBase
from pathlib import Path
from typing import Any

from runebook.client.client import Client
from runebook.client.entities import FileInfo
from runebook.client.fluent.runs import current_or_new_run, target
from runebook.core.errors import InvalidParameterValue


def log_artifact(local_path: str, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """A file, or a folder under its own name, below the folder `artifact_path` of the run."""
    client, logged_to = target(run_id)
    client.log_artifact(logged_to, local_path, artifact_path)


def log_artifacts(local_dir: str, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """What a folder holds, without the folder itself."""
    client, logged_to = target(run_id)
    client.log_artifacts(logged_to, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """A text as a file, in UTF-8."""
    client, logged_to = target(run_id)
    client.log_text(logged_to, text, artifact_file)


def log_dict(dictionary: dict[str, Any], artifact_file: str, run_id: str | None = None) -> None:
    """As YAML when the file is named so, else as JSON; what JSON cannot hold becomes a text."""
    client, logged_to = target(run_id)
    client.log_dict(logged_to, dictionary, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None) -> None:
    """A figure of Matplotlib or Plotly, in the format that the file's name asks for."""
    client, logged_to = target(None)
    client.log_figure(logged_to, figure, artifact_file, save_kwargs=save_kwargs)


def log_stream(stream: BufferedIOBase | RawIOBase, artifact_file: str, run_id: str | None = None) -> None:
    """What is left of a binary stream."""
    client, logged_to = target(run_id)
    client.log_stream(logged_to, stream, artifact_file)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Where the active run keeps a file, or its files."""
    root = (current_or_new_run().run.info.artifact_uri or "").rstrip("/")
    return f"{root}/{artifact_path.strip('/')}" if artifact_path else root


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """What stands in one folder of a run, named relative to the run's root; or below a URI, relative to it."""
    client = Client(tracking_uri)
    where, path = _named(client, artifact_uri, run_id, artifact_path)
    return client.artifact_folder(where).list(path)


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
) -> str:
    """Copy a file or folder of a run, or at a URI, below `dst_path` (made if it is not there) or a temporary folder.

    Returns:
        Where it stands now.

    """
    client = Client(tracking_uri, registry_uri)
    where, path = _named(client, artifact_uri, run_id, artifact_path)
    if dst_path is not None:
        Path(dst_path).mkdir(parents=True, exist_ok=True)
    if artifact_uri is not None and not path:
        where, _, path = where.rstrip("/").rpartition("/")
    return client.artifact_folder(where).copy_to(path, dst_path)


def load_text(artifact_uri: str) -> str:
    """A file as a text of UTF-8."""
    client = Client()
    where, path = _named(client, artifact_uri, None, None)
    if not path:
        where, _, path = where.rstrip("/").rpartition("/")
    return client.artifact_folder(where).get(path).decode()


def load_dict(artifact_uri: str) -> Any:
    """A file of JSON. Raises InvalidParameterValue: it holds something else."""
    try:
        return json.loads(load_text(artifact_uri))
    except ValueError as error:
        raise InvalidParameterValue(f"The file at {artifact_uri!r} is no JSON: {error}.") from error


def _named(client: Client, artifact_uri: str | None, run_id: str | None, artifact_path: str | None) -> tuple[str, str]:
    """The root and the path below it that the caller means; `runs:/ID/PATH` names a run, `models:/m-ID` a model."""
    if (artifact_uri is None) == (run_id is None):
        raise InvalidParameterValue("Give either 'artifact_uri' or 'run_id'.")
    if run_id is not None:
        return client.get_run(run_id).info.artifact_uri or "", artifact_path or ""
    if artifact_path is not None:
        raise InvalidParameterValue("'artifact_path' goes with 'run_id'; an 'artifact_uri' names its path itself.")
    scheme, _, rest = str(artifact_uri).partition(":/")
    thing, _, path = rest.strip("/").partition("/")
    if scheme == "runs":
        return client.get_run(thing).info.artifact_uri or "", path
    if scheme == "models" and thing.startswith("m-"):
        return client.get_logged_model(thing).artifact_location, path
    return str(artifact_uri), ""
