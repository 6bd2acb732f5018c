"""What is measured, and the samples of it: a row per piece of work, a median per peer."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        key: its name in the JSON.
        title: what is done.
        unit: of its samples.
        better: `lower` or `higher`.
        target: what the design wants of Runebook.
    """

    key: str
    title: str
    unit: str
    better: str
    target: str


ROWS = (
    Row("import", "import, with `start_run` at hand", "ms", "lower", "80 ms"),
    Row("help", "CLI `--help`", "ms", "lower", "200 ms"),
    Row("ready", "server ready, new SQLite store", "s", "lower", "1 s"),
    Row("memory", "idle memory, all processes (PSS)", "MB", "lower", "120 MB"),
    Row("processes", "processes of an idle server", "", "lower", ""),
    Row("install", "installed size", "MB", "lower", "110 MB"),
    Row("first_start_run", "first `start_run` in an empty directory", "ms", "lower", "150 ms"),
    Row("next_start_run", "the next `start_run`", "ms", "lower", "20 ms"),
    Row("log_metric", "`log_metric` call, local default, p50", "us", "lower", "1 us"),
    Row("http_metric/sqlite", "one metric over HTTP, p50, SQLite", "ms", "lower", "2 ms"),
    Row("http_metric/postgresql", "one metric over HTTP, p50, PostgreSQL", "ms", "lower", "2 ms"),
    Row("batch/sqlite", "log-batch of 1000 points, 32 connections, SQLite", "points/s", "higher", "300k points/s"),
    Row(
        "batch/postgresql",
        "log-batch of 1000 points, 32 connections, PostgreSQL",
        "points/s",
        "higher",
        "300k points/s",
    ),
    Row("jobs/sqlite", "64 jobs, one point a request, SQLite", "points/s", "higher", "5k/s"),
    Row("jobs/postgresql", "64 jobs, one point a request, PostgreSQL", "points/s", "higher", "5k/s"),
    Row("runs/sqlite", "runs created, logged and finished, 8 connections, SQLite", "runs/s", "higher", "1k/s"),
    Row("runs/postgresql", "runs created, logged and finished, 8 connections, PostgreSQL", "runs/s", "higher", "1k/s"),
    Row("search/sqlite", "search: top 100 by a metric, p50, SQLite", "ms", "lower", "20 ms at 1M runs"),
    Row("search/postgresql", "search: top 100 by a metric, p50, PostgreSQL", "ms", "lower", "20 ms at 1M runs"),
    Row("search_many/sqlite", "the same, many more runs, SQLite", "ms", "lower", "20 ms at 1M runs"),
    Row("search_many/postgresql", "the same, many more runs, PostgreSQL", "ms", "lower", "20 ms at 1M runs"),
    Row("history/sqlite", "read a metric's history in JSON, SQLite", "points/s", "higher", "1M points/s"),
    Row("history/postgresql", "read a metric's history in JSON, PostgreSQL", "points/s", "higher", "1M points/s"),
)


@dataclass(frozen=True)
class Sample:
    """One measurement of one row; `note` says what must be known to read it, such as errors or a size."""

    row: str
    peer: str
    value: float
    note: str = ""


def medians(samples: Iterable[Sample]) -> dict[str, dict[str, float]]:
    """Median by row and peer."""
    values: dict[str, dict[str, list[float]]] = {}
    for sample in samples:
        values.setdefault(sample.row, {}).setdefault(sample.peer, []).append(sample.value)
    return {row: {peer: statistics.median(found) for peer, found in peers.items()} for row, peers in values.items()}
