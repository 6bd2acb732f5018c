"""What it costs to have and to start it: import, command line, server, memory, disk."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measure import Sample
from peers import Peer, environment, pss_mb, run_program, serve, tree

_SETTLE_S = 5
_DRIVERS = "psycopg"


def measure(peer: Peer, *, quick: bool) -> Iterator[Sample]:
    """One round of one peer."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for _ in range(2 if quick else 5):
            yield Sample("import", peer.name, run_program(peer, "import_time.py", directory)["import_ms"])
            yield Sample("help", peer.name, _help_ms(peer, directory))
        yield from _server(peer, directory)
        for attempt in range(1 if quick else 3):
            empty = directory / f"empty {attempt}"
            empty.mkdir()
            times = run_program(peer, "first_run.py", empty)
            yield Sample("first_start_run", peer.name, times["first_ms"])
            yield Sample("next_start_run", peer.name, times["next_ms"])
    yield Sample("install", peer.name, _installed_mb(peer), "without the PostgreSQL driver")


def _help_ms(peer: Peer, directory: Path) -> float:
    started = time.perf_counter()
    subprocess.run([peer.command, "--help"], cwd=directory, env=environment(), capture_output=True, check=True)
    return (time.perf_counter() - started) * 1000


def _server(peer: Peer, directory: Path) -> Iterator[Sample]:
    with serve(peer, f"sqlite:///{directory}/{peer.name}.db", directory / "server") as server:
        yield Sample("ready", peer.name, server.ready_s)
        time.sleep(_SETTLE_S)
        yield Sample("memory", peer.name, pss_mb(server.process_id))
        yield Sample("processes", peer.name, len(tree(server.process_id)))


def _installed_mb(peer: Peer) -> float:
    (packages,) = (peer.home / "lib").glob("python*/site-packages")
    files = (path for path in packages.rglob("*") if path.is_file() and not path.is_symlink())
    measured = (path for path in files if not path.relative_to(packages).parts[0].startswith(_DRIVERS))
    return sum(path.stat().st_blocks * 512 for path in measured) / 1e6
