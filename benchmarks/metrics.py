"""Logging metrics and reading them back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from loads import failures, load, post
from measure import Sample
from peers import Peer, Server, run_program

_JOBS = 64
_BATCH_CONNECTIONS = 32
_BATCH = 1000
_HISTORY_BATCHES = 25


def measure_local(peer: Peer, *, quick: bool) -> Iterator[Sample]:
    """`log_metric` as a script calls it, without a server."""
    for _ in range(1 if quick else 3):
        with tempfile.TemporaryDirectory() as directory:
            yield Sample("log_metric", peer.name, run_program(peer, "log_metric.py", Path(directory))["p50_us"])


def measure(server: Server, store: str, *, quick: bool) -> Iterator[Sample]:
    """Points through the server: one by one, in batches, from many jobs; then a history read whole."""
    name, seconds = server.peer.name, 3 if quick else 10
    one = load(server, "metrics", "--seconds", seconds, "--at-most", 500)
    yield Sample(f"http_metric/{store}", name, one["p50_ms"], failures(one))
    batch = load(server, "metrics", "--points", _BATCH, "--connections", _BATCH_CONNECTIONS, "--seconds", seconds)
    yield Sample(f"batch/{store}", name, batch["done"] * _BATCH / batch["seconds"], failures(batch))
    jobs = load(server, "metrics", "--connections", _JOBS, "--seconds", seconds)
    yield Sample(f"jobs/{store}", name, jobs["done"] / jobs["seconds"], failures(jobs))
    yield _history(server, store, batches=5 if quick else _HISTORY_BATCHES)


def _history(server: Server, store: str, *, batches: int) -> Sample:
    run_id = post(server, "runs/create", {"experiment_id": "0", "start_time": 1})["run"]["info"]["run_id"]
    for start in range(0, batches * _BATCH, _BATCH):
        steps = range(start, start + _BATCH)
        points = [{"key": "m", "value": step / 7, "timestamp": 1000 + step, "step": step} for step in steps]
        post(server, "runs/log-batch", {"run_id": run_id, "metrics": points})
    path = f"metrics/get-history?run_id={run_id}&run_uuid={run_id}&metric_key=m&max_results=25000"
    found = load(server, "repeat", "--request", "GET", path, "", "--seconds", 5, "--at-most", 20)
    points_per_s = batches * _BATCH / (found["p50_ms"] / 1000)
    return Sample(f"history/{store}", server.peer.name, points_per_s, f"{batches * _BATCH} points a read")
