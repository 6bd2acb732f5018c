"""`runebook doctor`: what this installation is, and whether what it needs is well."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import click

from runebook._version import __version__
from runebook.cli.db import is_database, schema_versions
from runebook.cli.masking import masked_uri, masked_variable
from runebook.cli.options import json_option
from runebook.cli.output import print_json, print_table
from runebook.cli.session import Session
from runebook.core.errors import InvalidState, RunebookError, TemporarilyUnavailable

PACKAGES = (
    "msgspec",
    "starlette",
    "uvicorn",
    "psycopg",
    "pymysql",
    "pandas",
    "scikit-learn",
    "mlflow",
    "mlflow-skinny",
)


class Finding(NamedTuple):
    """One thing looked at. State: ok; note, when it works but lacks something; problem, when it does not work."""

    check: str
    state: str
    detail: str


@click.command("doctor")
@click.option("--mask-envs", is_flag=True, help="Hide the values of all variables, not only of secrets.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, mask_envs: bool, as_json: bool) -> None:
    """Check this installation and its store.

    Exits with 1 when there is a problem. Changes nothing: a store that is not there yet is not made.
    """
    session: Session = ctx.obj
    findings = [*_versions(), *_settings(os.environ, mask_all=mask_envs), *_store(session), _git()]
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        print_table(Finding._fields, findings)
    ctx.exit(1 if any(finding.state == "problem" for finding in findings) else 0)


def _versions() -> Iterator[Finding]:
    yield Finding("runebook", "ok", __version__)
    yield Finding("python", "ok", f"{platform.python_version()}, {sys.executable}")
    yield Finding("platform", "ok", platform.platform())
    yield Finding("sqlite", "ok", sqlite3.sqlite_version)
    for package in PACKAGES:
        try:
            yield Finding(package, "ok", metadata.version(package))
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed is not a fault


def _settings(environ: Mapping[str, str], *, mask_all: bool) -> Iterator[Finding]:
    for name in sorted(environ):
        if name.startswith(("RUNEBOOK_", "MLFLOW_")):
            yield Finding(name, "ok", "***" if mask_all else masked_variable(name, environ[name]))


def _store(session: Session) -> Iterator[Finding]:
    """The store, its schema, and the place for files; nothing more is asked of a store that does not answer."""
    try:
        uri = session.resolved_uri()
    except RunebookError as error:
        yield Finding("store", "problem", error.message)
        return
    missing = _missing_file(uri)
    if missing is not None:
        yield _checked("store", lambda: _creatable(missing))
        return
    if is_database(uri):
        schema = _checked("schema", lambda: _schema(uri))
        yield schema
        if schema.state == "problem":
            return
    started = time.perf_counter()
    answer = _checked("store", lambda: _ask(session, uri))
    if answer.state == "problem":
        yield answer
        return
    yield answer._replace(detail=f"{answer.detail}, in {(time.perf_counter() - started) * 1000:.0f} ms")
    yield _checked("files", lambda: _file_place(session))


def _checked(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, "ok", look())
    except (RunebookError, OSError) as error:
        return Finding(check, "problem", str(error))


def _missing_file(uri: str) -> Path | None:
    """The database file of a URI, when it is one that is not there."""
    path = Path(uri.removeprefix("sqlite:///"))
    return path if uri.startswith("sqlite:///") and not path.exists() else None


def _creatable(path: Path) -> str:
    _require_writable(path)
    return f"{path} is not there yet; the first run makes it"


def _schema(uri: str) -> str:
    stored, newest = schema_versions(uri)
    if stored is None:
        return f"none yet; the first use makes one of version {newest}"
    if stored < newest:
        raise InvalidState(f"has version {stored}, and this release needs {newest}: run `runebook db upgrade`.")
    if stored > newest:
        raise InvalidState(f"has version {stored}, and this release knows {newest}: upgrade Runebook.")
    return f"version {stored}"


def _ask(session: Session, uri: str) -> str:
    session.client.search_experiments(max_results=1)
    return f"{masked_uri(uri)} answers"


def _file_place(session: Session) -> str:
    """Where the default experiment keeps its files."""
    place = session.client.get_experiment("0").artifact_location
    scheme = urlsplit(place).scheme
    if scheme not in {"", "file"}:
        return f"{masked_uri(place)}, not on this machine's disk"
    if session.resolved_uri().startswith(("http:", "https:")):
        return f"{place}, on the server's disk or on one that all clients share"
    _require_writable(Path(unquote(urlsplit(place).path)))
    return f"{place} can be written"


def _require_writable(path: Path) -> None:
    standing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not os.access(standing, os.W_OK):
        raise TemporarilyUnavailable(f"{path} cannot be written: {standing} is read-only for this user.")


def _git() -> Finding:
    found = shutil.which("git")
    if found is None:
        return Finding("git", "note", "not found: runs will not say what was changed since the last commit")
    return Finding("git", "ok", found)
