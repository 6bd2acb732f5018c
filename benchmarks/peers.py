"""The trackers, each in a virtual environment of its own made by the same command, and their servers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_READY_WITHIN_S = 120
_STOPPED_WITHIN_S = 15


@dataclass(frozen=True)
class Peer:
    """One of them, as a user installs and starts it.

    Args:
        name: of its module and its command.
        title: what it is called.
        install: what `uv pip install` is told.
        serves: whether its server, too, is measured: it speaks MLflow's protocol.
    """

    name: str
    title: str
    install: tuple[str, ...]
    serves: bool = False

    @property
    def home(self) -> Path:
        return ROOT / ".venvs" / f"bench-{self.name}"

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    @property
    def command(self) -> Path:
        return self.home / "bin" / self.name


def _locked(name: str) -> tuple[str, ...]:
    return ("--require-hashes", "-r", f"requirements/peer-{name}.txt")


MLFLOW = Peer("mlflow", "MLflow", _locked("mlflow"), serves=True)
TRACKIO = Peer("trackio", "trackio", _locked("trackio"))
AIM = Peer("aim", "Aim", _locked("aim"))
WANDB = Peer("wandb", "W&B offline", _locked("wandb"))
RUNEBOOK = Peer("runebook", "Runebook", ("--reinstall-package", "runebook", ".[postgresql]"), serves=True)
PEERS = (MLFLOW, TRACKIO, AIM, WANDB, RUNEBOOK)


def ensure(peer: Peer) -> None:
    """Make or update the peer's environment."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise SystemExit("the benchmarks need uv: pip install uv")
    if not peer.python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, peer.home], check=True, cwd=ROOT)
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", peer.python]
    subprocess.run([*install, *peer.install], check=True, cwd=ROOT)


def version(peer: Peer) -> str:
    program = f"import importlib.metadata; print(importlib.metadata.version({peer.name!r}))"
    return subprocess.run([peer.python, "-c", program], capture_output=True, check=True, text=True).stdout.strip()


def environment() -> dict[str, str]:
    """The environment of every measured process: no settings of the caller, no telemetry, loopback without a proxy."""
    dropped = ("AIM_", "HF_", "MLFLOW_", "PYTHON", "RUNEBOOK_", "TRACKIO_", "WANDB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "NO_PROXY": "127.0.0.1",
        "GIT_PYTHON_REFRESH": "quiet",
    }


def run_program(
    peer: Peer,
    program: str,
    directory: Path,
    *options: float,
    settings: Mapping[str, str] | None = None,
    patience_s: float = 300,
) -> Any:
    """Run a program of `programs/` in the peer's Python, in a directory, and parse the JSON of its last line.

    The directory is its home, too: what a tracker writes there goes with it.
    """
    path = Path(__file__).parent / "programs" / program
    command: list[str | Path] = [peer.python, "-W", "ignore", path, peer.name, *map(str, options)]
    homes = {"HOME": str(directory), "TRACKIO_DIR": str(directory / "trackio")}
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment() | homes | dict(settings or {}),
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program} failed with {peer.name}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


@dataclass(frozen=True)
class Server:
    """A running server, its main process and the time it took until it answered."""

    peer: Peer
    port: int
    process_id: int
    ready_s: float

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serve(peer: Peer, store_uri: str, directory: Path) -> Iterator[Server]:
    """The peer's server on a store, with its own defaults; ended with all its processes."""
    directory.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    command: list[str | Path] = [peer.command, "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", store_uri]
    command += ["--artifacts-destination", str(directory / "artifacts")]
    log = directory / "server.log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=directory, env=environment(), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_until_ready(process, port, log)
        yield Server(peer, port, process.pid, time.perf_counter() - started)
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return
        time.sleep(0.01)
    raise RuntimeError(f"the server is not ready:\n{log.read_text(errors='replace')[-3000:]}")


def tree(process_id: int) -> list[int]:
    """The process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [process_id]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def pss_mb(process_id: int) -> float:
    """Memory of the tree, what is shared counted once."""
    total_kb = 0
    for member in tree(process_id):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
            total_kb += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total_kb / 1024


def _stop(process: subprocess.Popen[bytes]) -> None:
    members = tree(process.pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOPPED_WITHIN_S)
    for member in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    process.wait()
