"""What a stored point takes on disk, and how fast a long history is read back."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator, Mapping

from databases import Database
from loads import load, post
from measure import Sample
from peers import RUNEBOOK, Server
from training import Curve, curves

_BATCH = 1000
_POINTS = 1_000_000
_POINTS_OF_PEERS = 20_000
_PARTS_WHEN_QUICK = 10
_FOLDED_WITHIN_S = 180
_PAGE = 25_000
_TRAINING = ("loss", "gradient_norm", "accuracy", "learning_rate")


def measure(server: Server, database: Database, *, quick: bool) -> Iterator[Sample]:
    """A million points each of noise, of one real curve and of four; MLflow's are fewer, as it would take an hour."""
    most = _POINTS if server.peer == RUNEBOOK else _POINTS_OF_PEERS
    points = most // _PARTS_WHEN_QUICK if quick else most
    drawn = curves(points)
    kinds = {
        "random": {"random": drawn["random"]},
        "loss": {"loss": drawn["loss"]},
        "curves": {key: _first(drawn[key], points // len(_TRAINING)) for key in _TRAINING},
    }
    for kind, series in kinds.items():
        before = database.size()
        run_id = _write(server, series)
        unfolded = _wait_until_folded(server, database)
        after = database.size()
        lying = (after.lying - before.lying) / points
        note = f"{points} points; {lying:.1f} B with free space{unfolded}"
        yield Sample(f"bytes_{kind}/{database.name}", server.peer.name, (after.packed - before.packed) / points, note)
        if kind == "loss":
            yield from _history(server, database, run_id, points)


def _first(curve: Curve, points: int) -> Curve:
    return Curve(curve.steps[:points], curve.times[:points], curve.values[:points])


def _write(server: Server, series: Mapping[str, Curve]) -> str:
    """A run that logs all of it, point by point in the order of steps as a training does, in batches, and ends."""
    run_id = str(post(server, "runs/create", {"experiment_id": "0", "start_time": 1})["run"]["info"]["run_id"])
    steps: array[int] = next(iter(series.values())).steps
    a_batch = _BATCH // len(series)
    for first in range(0, len(steps), a_batch):
        rows = range(first, min(first + a_batch, len(steps)))
        metrics = [
            {"key": key, "value": curve.values[row], "timestamp": curve.times[row], "step": curve.steps[row]}
            for row in rows
            for key, curve in series.items()
        ]
        post(server, "runs/log-batch", {"run_id": run_id, "metrics": metrics})
    post(server, "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 2_000_000_000_000})
    return run_id


def _wait_until_folded(server: Server, database: Database) -> str:
    """Wait for the server's own folding; what is left of it when patience ends is said."""
    if server.peer != RUNEBOOK:
        return ""
    deadline = time.monotonic() + _FOLDED_WITHIN_S
    while (left := database.rows("metric_frames")) and time.monotonic() < deadline:
        time.sleep(0.5)
    return f"; {left} frames not folded after {_FOLDED_WITHIN_S} s" if left else ""


def _history(server: Server, database: Database, run_id: str, points: int) -> Iterator[Sample]:
    for row, page in (("history_pages", _PAGE), ("history_whole", 0)):
        found = load(server, "--run", run_id, "--key", "loss", "--page", page, program="history_load.py")
        if found["done"] != points:
            raise RuntimeError(f"{server.peer.name} returned {found['done']} of {points} points")
        points_per_s = points / found["seconds"]
        yield Sample(f"{row}/{database.name}", server.peer.name, points_per_s, f"{points} points")
