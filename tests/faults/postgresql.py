"""A PostgreSQL server that can be killed, all of its processes at once, and started again on the same data."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import psutil
import psycopg
from tests.storage.servers import PostgresqlServer

START_SECONDS = 60.0


class KillablePostgresql(PostgresqlServer):
    """Started by its own binary as a child of this process, so that nothing is left of it when it was killed."""

    def __init__(self) -> None:
        super().__init__()
        self.uri = self.new_database()
        self._data = self._folder / "data"
        self._server.stop()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Returns when it has recovered and takes connections."""
        with (self._data / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._server.bin_path / "postgres"), "-D", str(self._data), "-h", "", "-k", str(self._data)],
                user=self._server.system_user,
                cwd=self._data,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self._data / "log").read_text()[-2000:]
            assert time.monotonic() < until, (self._data / "log").read_text()[-2000:]
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to the postmaster and to all that it has started."""
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        children = postmaster.children(recursive=True)
        self._process.kill()
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
        until = time.monotonic() + START_SECONDS
        while any(map(_is_alive, children)):
            assert time.monotonic() < until, children
            time.sleep(0.005)
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self.kill()
        super().stop()

    def _answers(self) -> bool:
        try:
            psycopg.connect(f"postgresql://postgres:@/postgres?host={Path(self._data)}").close()
        except psycopg.OperationalError:
            return False
        return True


def _is_alive(process: psutil.Process) -> bool:
    """One that nobody has waited for yet holds nothing any more."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
