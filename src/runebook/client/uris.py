"""Tracking URIs: which there are, and what stands beside each."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runebook.core.errors import InvalidParameterValue

DEFAULT_STORE = "runebook.db"
ARTIFACT_FOLDER = "runebook-artifacts"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
_DATABASES = {"postgresql", "postgres", "mysql", "mariadb", "mssql"}
_SERVERS = {"http", "https", "databricks"}


def default_uri() -> str:
    """A SQLite file in the working directory; MLflow's `mlflow.db` beside it is left alone."""
    return "sqlite:///" + str(Path.cwd() / DEFAULT_STORE)


def absolute(uri: str | Path) -> str:
    """The URI with its path made absolute, so that it still names the same store after a `chdir`.

    Raises:
        InvalidParameterValue: no store has such an address.

    """
    text = os.fspath(uri).strip()
    kind = scheme_of(text)
    if kind == "":
        return Path(text).expanduser().absolute().as_uri()
    if kind == "file":
        return Path(unquote(urlsplit(text).path)).absolute().as_uri()
    if kind == "sqlite":
        return _absolute_sqlite(text)
    if kind in _SERVERS:
        return text.rstrip("/")
    if kind == "memory" or kind.partition("+")[0] in _DATABASES:
        return text
    raise InvalidParameterValue(
        f"There is no store at {text!r}. Use sqlite:///PATH, postgresql://..., mysql://..., memory:, "
        "a folder (MLflow's mlruns), or the http(s) address of a server."
    )


def scheme_of(uri: str) -> str:
    """In lower case; "" for a path. The bare word `databricks` is an address too."""
    if uri == "databricks":
        return uri
    found = _SCHEME.match(uri)
    return found[1].lower() if found else ""


def is_server(uri: str) -> bool:
    return scheme_of(uri) in _SERVERS


def artifact_root(uri: str) -> str | None:
    """Where an embedded store keeps files: beside a SQLite file, in a folder of files itself, else in the working
    directory. None for a store in memory, whose files live as long as it does.
    """
    kind = scheme_of(uri)
    if kind == "memory":
        return None
    if kind == "file":
        return unquote(urlsplit(uri).path)
    if kind == "sqlite":
        database = Path(uri.removeprefix("sqlite:///").partition("?")[0])
        return str(database.parent / f"{database.stem}-artifacts")
    return str(Path.cwd() / ARTIFACT_FOLDER)


def _absolute_sqlite(uri: str) -> str:
    path, question, options = uri.removeprefix("sqlite:").removeprefix("//").partition("?")
    path = path.removeprefix("/") if uri.startswith("sqlite:///") else path
    if path in {"", ":memory:"}:
        return "memory:"
    return f"sqlite:///{Path(path).absolute()}{question}{options}"
