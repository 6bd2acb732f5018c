"""Search for the best runs of an experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator

from databases import Database
from loads import load, post
from measure import Sample
from peers import RUNEBOOK, Server

_FILLING_CONNECTIONS = 4
_FILLING_S = 240


def measure(server: Server, database: Database, *, quick: bool) -> Iterator[Sample]:
    """The top 100 of an experiment by one metric.

    Of many more runs with Runebook alone: MLflow would take too long to fill.
    """
    yield _top(server, "search", database.name, runs=200 if quick else 1000)
    if server.peer == RUNEBOOK:
        yield _top(server, "search_many", database.name, runs=2000 if quick else 20_000)


def _top(server: Server, row: str, store: str, *, runs: int) -> Sample:
    experiment = post(server, "experiments/create", {"name": f"{row} {runs}"})["experiment_id"]
    fill = ["--experiment", experiment, "--connections", _FILLING_CONNECTIONS, "--at-most", runs]
    filled = load(server, "lives", *fill, "--seconds", _FILLING_S)
    body = {"experiment_ids": [experiment], "order_by": ["metrics.acc DESC"], "max_results": 100}
    found = load(server, "repeat", "--request", "POST", "runs/search", json.dumps(body), "--at-most", 100)
    return Sample(f"{row}/{store}", server.peer.name, found["p50_ms"], f"{filled['done']} runs")
