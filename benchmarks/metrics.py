"""Logging metrics over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from databases import Database
from loads import cost, failures, load
from measure import Sample
from peers import Server

_JOBS = 64
_BATCH_CONNECTIONS = 32
_BATCH = 1000


def measure(server: Server, database: Database, *, quick: bool) -> Iterator[Sample]:
    """Points through the server: one by one, in batches, from many jobs; and the connections that it takes for them."""
    name, store, seconds = server.peer.name, database.name, 3 if quick else 10
    with database.count_connections() as seen:
        one = load(server, "metrics", "--seconds", seconds, "--at-most", 500)
        yield Sample(f"http_metric/{store}", name, one["p50_ms"], failures(one), cost(one))
        batch = load(server, "metrics", "--points", _BATCH, "--connections", _BATCH_CONNECTIONS, "--seconds", seconds)
        yield Sample(f"batch/{store}", name, batch["done"] * _BATCH / batch["seconds"], failures(batch), cost(batch))
        jobs = load(server, "metrics", "--connections", _JOBS, "--seconds", seconds)
        yield Sample(f"jobs/{store}", name, jobs["done"] / jobs["seconds"], failures(jobs), cost(jobs))
    if seen:
        yield Sample(f"connections/{store}", name, max(seen))
