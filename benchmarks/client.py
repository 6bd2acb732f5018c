"""What logging costs a script: the time of a call, the slowdown of a loop, and how fast all is in the store."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from measure import Sample
from peers import Peer, Server, run_program

_CALLS = 20_000
_POINTS = 100_000


def measure_local(peer: Peer, *, quick: bool) -> Iterator[Sample]:
    """On the store that the peer takes by itself in an empty directory."""
    yield from _measure(peer, "local", {}, quick=quick)


def measure(server: Server, store: str, *, quick: bool) -> Iterator[Sample]:
    """Through a live server."""
    settings = {f"{name}_TRACKING_URI": server.address for name in ("MLFLOW", "RUNEBOOK")}
    yield from _measure(server.peer, f"http-{store}", settings, quick=quick)


def _measure(peer: Peer, target: str, settings: dict[str, str], *, quick: bool) -> Iterator[Sample]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        settings = settings | {"BENCH_NUMPY": str(_numpy_alone(directory / "numpy"))}
        yield from _calls(peer, target, settings, directory / "calls", quick=quick)
        yield from _slowdown(peer, target, settings, directory / "loop", quick=quick)
        yield from _shipping(peer, target, settings, directory / "ship", quick=quick)


def _numpy_alone(directory: Path) -> Path:
    """A directory with numpy and nothing else, for those who come without it."""
    found = find_spec("numpy")
    assert found is not None
    assert found.origin is not None
    packages = Path(found.origin).parents[1]
    directory.mkdir()
    for part in ("numpy", "numpy.libs"):
        (directory / part).symlink_to(packages / part)
    return directory


def _calls(peer: Peer, target: str, settings: dict[str, str], directory: Path, *, quick: bool) -> Iterator[Sample]:
    directory.mkdir()
    limits = (2000, 1.0) if quick else (_CALLS, 4.0)
    found = run_program(peer, "log_metric.py", directory, *limits, settings=settings)
    clock = found.pop("clock")
    yield Sample(f"clock/{target}", peer.name, clock["p50_us"])
    for kind_and_pace, times in found.items():
        few = f"{times['calls']} calls" if times["calls"] < limits[0] else ""
        detail = f"p99.9 {times['p999_us']} us, most {times['max_us']} us"
        for quantile in ("p50", "p99"):
            row = f"call/{kind_and_pace}/{quantile}/{target}"
            yield Sample(row, peer.name, times[f"{quantile}_us"], few, detail)


def _slowdown(peer: Peer, target: str, settings: dict[str, str], directory: Path, *, quick: bool) -> Iterator[Sample]:
    directory.mkdir()
    limits = (0.3, 4) if quick else (1.0, 6)
    found = run_program(peer, "training_loop.py", directory, *limits, settings=settings)
    for work, loops in found.items():
        detail = f"{loops['steps']} steps of {statistics.median(loops['step_us']):.0f} us"
        for slowdown in loops["slowdowns"]:
            yield Sample(f"slowdown/{work}/{target}", peer.name, 100 * slowdown, detail=detail)
        yield Sample(f"cpu/{work}/{target}", peer.name, statistics.median(loops["cpu_us"]))


def _shipping(peer: Peer, target: str, settings: dict[str, str], directory: Path, *, quick: bool) -> Iterator[Sample]:
    directory.mkdir()
    limits = (_POINTS, 3.0) if quick else (_POINTS, 15.0)
    found = run_program(peer, "ship.py", directory, *limits, settings=settings)
    few = f"{found['points']} points" if found["points"] < _POINTS else ""
    detail = f"the calls returned after {found['returned_s']:.3f} s, all was there after {found['seconds']:.3f} s"
    yield Sample(f"ship/{target}", peer.name, found["points"] / found["seconds"], few, detail)
