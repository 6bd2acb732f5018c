"""Every row of the tables, with what the design wants of Runebook."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Row

_STORES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
TARGETS = {"local": "local default", **{f"http-{store}": f"live server on {title}" for store, title in _STORES.items()}}
"""What a client logs to: the store in the working directory that it takes by itself, or a server."""

_PACES = {"paced": "every 100 us", "tight": "tight loop"}
_QUANTILES = {"p50": "p50", "p99": "p99"}


def _start() -> Iterator[Row]:
    def row(key: str, title: str, unit: str, target: float | None = None) -> Row:
        return Row(key, "Start and size", title, unit, "lower", target)

    yield row("import", "import, with `start_run` at hand", "ms", 80)
    yield row("help", "CLI `--help`", "ms", 200)
    yield row("ready", "server ready, new SQLite store", "s", 1)
    yield row("memory", "idle memory, all processes (PSS)", "MB", 120)
    yield row("processes", "processes of an idle server", "")
    yield row("install", "installed size", "MB", 110)
    yield row("first_start_run", "first `start_run` in an empty directory", "ms", 150)
    yield row("next_start_run", "the next `start_run`", "ms", 20)


def _client() -> Iterator[Row]:
    for target, where in TARGETS.items():
        section = f"What logging costs a script: {where}"
        for kind, call, limits in (
            ("one", "`log_metric`", {"p50": 1.0, "p99": 5.0}),
            ("twenty", "`log_metrics` of 20", {"p50": 10.0}),
        ):
            for pace, when in _PACES.items():
                for quantile in _QUANTILES:
                    key = f"call/{kind}/{pace}/{quantile}/{target}"
                    yield Row(key, section, f"{call}, {when}, {quantile}", "us", "lower", limits.get(quantile))
        yield Row(f"clock/{target}", section, "reading the clock, which each of these holds, p50", "us", "lower")
        for work, what in (("python", "Python"), ("numpy", "numpy")):
            title = f"slowdown of a loop of 100 us steps ({what}) by one metric a step, and 95 % bounds"
            yield Row(f"slowdown/{work}/{target}", section, title, "%", "lower", 3.0)
            title = f"processor time of the process a point, shipping included ({what} loop)"
            yield Row(f"cpu/{work}/{target}", section, title, "us", "lower")
        yield Row(f"ship/{target}", section, "100k points, first call to all in the store", "points/s", "higher")


def _server(store: str, name: str) -> Iterator[Row]:
    section = f"A server on {name}"

    def row(key: str, title: str, unit: str, better: str, target: float | None = None, under: str = "") -> Row:
        return Row(f"{key}/{store}", section, title, unit, better, target, under)

    yield row("http_metric", "one metric over HTTP, p50", "ms", "lower", 2)
    yield row("batch", "log-batch of 1000 points, 32 connections", "points/s", "higher", 300_000)
    yield row("jobs", "64 jobs, one point a request", "points/s", "higher", 5000)
    yield row("frames", "native frames, 4 writers", "points/s", "higher", 3_000_000)
    if store == "postgresql":
        yield row("connections", "database connections under these loads, most", "", "lower", 8)
        yield row("writers_failed", "500 writers through PgBouncer: failed or refused", "requests", "lower", 0)
        yield row("writers", "500 writers through PgBouncer, one point a request", "points/s", "higher")
    yield row("runs", "runs created, logged and finished, 8 connections", "runs/s", "higher", 1000)
    yield row("search", "search: top 100 by a metric, p50", "ms", "lower", 20, "at 1M runs")
    yield row("search_many", "the same, many more runs", "ms", "lower", 20, "at 1M runs")
    yield row("history_pages", "a metric's history in JSON, pages of 25,000", "points/s", "higher", 1_000_000)
    yield row("history_whole", "the same in one answer", "points/s", "higher", 1_000_000)
    yield row("bytes_random", "stored bytes a point: random values", "B", "lower", 9)
    yield row("bytes_loss", "stored bytes a point: the loss of every batch", "B", "lower", 4)
    yield row("bytes_curves", "stored bytes a point: four curves of a training", "B", "lower", 4)


ROWS = (*_start(), *_client(), *(row for store, name in _STORES.items() for row in _server(store, name)))
