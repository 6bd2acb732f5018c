"""Servers for the tests: a real MLflow and Runebook, each in a process group of its own on a free port of loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from .environments import PEER, ensure

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}
_READY_WITHIN_S = 90
_STOPPED_WITHIN_S = 10


@contextlib.contextmanager
def mlflow_server(directory: Path) -> Iterator[str]:
    """MLflow on SQLite; gives its address."""
    options = ["--backend-store-uri", f"sqlite:///{directory}/mlflow.db", "--workers", "1"]
    command = [str(ensure(PEER).parent / "mlflow"), "server", *options]
    with _served(command, directory) as address:
        yield address


@contextlib.contextmanager
def runebook_server(store_uri: str, directory: Path) -> Iterator[str]:
    """Runebook, as a user starts it, on the store; gives its address."""
    command = [sys.executable, "-m", "runebook", "server", "--backend-store-uri", store_uri]
    with _served(command, directory) as address:
        yield address


@contextlib.contextmanager
def _served(command: list[str], directory: Path) -> Iterator[str]:
    port = _free_port()
    where = ["--host", "127.0.0.1", "--port", str(port), "--artifacts-destination", str(directory / "artifacts")]
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *where],
            cwd=directory,
            env=environment_of(os.environ),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(process)


def environment_of(inherited: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without the settings of either product, and without telemetry."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(("MLFLOW_", "RUNEBOOK_"))}
    return kept | QUIET


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as ok:
            if ok.status == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server is not ready (exit code {process.poll()}):\n{log.read_text()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group: MLflow's server is several processes."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOPPED_WITHIN_S)
