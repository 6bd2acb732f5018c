"""Runs created, logged and finished."""

from __future__ import annotations

from collections.abc import Iterator

from databases import Database
from loads import cost, failures, load
from measure import Sample
from peers import Server

_CONNECTIONS = 8


def measure(server: Server, database: Database, *, quick: bool) -> Iterator[Sample]:
    """Whole lives of runs: create, one batch of a metric, five params and a tag, finish."""
    found = load(server, "lives", "--connections", _CONNECTIONS, "--seconds", 3 if quick else 10, "--at-most", 5000)
    yield Sample(
        f"runs/{database.name}", server.peer.name, found["done"] / found["seconds"], failures(found), cost(found)
    )
