"""Metrics and their histories over plain HTTP."""

from __future__ import annotations

from .speaker import Wire

_NONE = "0123456789abcdef0123456789abcdef"


def ask(wire: Wire) -> None:
    experiment = wire.experiment("metrics")
    _log(wire, wire.run(experiment, "one by one", 1000))
    _history(wire, wire.run(experiment, "series", 2000), wire.run(experiment, "short series", 3000))


def _log(wire: Wire, run_id: str) -> None:
    path = "runs/log-metric"
    good = {"run_id": run_id, "key": "m", "value": 0.5, "timestamp": 100, "step": 3}
    wire.post("metric", path, good)
    wire.post("metric by uuid", path, {**good, "run_id": None, "run_uuid": run_id, "key": "uuid"})
    for field in ("run_id", "key", "value", "timestamp", "step"):
        wire.post(f"metric without {field}", path, {name: value for name, value in good.items() if name != field})
    for label, value in {
        "NaN": "NaN",
        "Infinity": "Infinity",
        "minus Infinity": "-Infinity",
        "a number in a text": "0.25",
        "an exponent": 1e-300,
        "a whole number": 7,
        "a boolean": True,
        "a text": "high",
        "a list": [1],
        "an object": {},
        "null": None,
    }.items():
        wire.post(f"metric of {label}", path, {**good, "key": f"of {label}", "value": value})
    for step in (-1, 2**63 - 1, -(2**63), "12"):
        wire.post(f"metric at step {step}", path, {**good, "key": f"step {step}", "step": step})
    wire.post("metric at time 0", path, {**good, "key": "time 0", "timestamp": 0})
    wire.post("metric before the epoch", path, {**good, "timestamp": -1})
    wire.post("metric of a bad key", path, {**good, "key": "../m"})
    wire.post("metric of a long key", path, {**good, "key": "k" * 251})
    wire.post("metric of no run", path, {**good, "run_id": _NONE})
    wire.post("metric on data", path, {**good, "key": "data", "dataset_name": "iris", "dataset_digest": "d"})
    wire.post("metric of no model", path, {**good, "model_id": "m-none"})
    found = wire.send("read metrics", "GET", f"2.0/mlflow/runs/get?run_id={run_id}", status_only=True)
    metrics = found["run"]["data"]["metrics"]
    points = {metric["key"]: [metric["value"], metric["step"]] for metric in metrics if metric["key"] != "uuid"}
    wire.note("metrics read", points)
    for label in ("of NaN", "of Infinity", "data"):
        wire.get(f"history {label}", "metrics/get-history", run_id=run_id, metric_key=label)


def _history(wire: Wire, run_id: str, short: str) -> None:
    points = [{"key": "m", "value": step / 4, "timestamp": 1000 - step, "step": step} for step in range(100)]
    wire.post("fill", "runs/log-batch", {"run_id": run_id, "metrics": points})
    wire.post("fill short", "runs/log-batch", {"run_id": short, "metrics": points[:3]})
    path = "metrics/get-history"
    wire.get("history", path, run_id=short, metric_key="m")
    page = wire.get("history page", path, run_id=short, metric_key="m", max_results=2)
    wire.get(
        "history next", path, run_id=short, metric_key="m", max_results=2, page_token=page.get("next_page_token", "")
    )
    wire.get("history bad token", path, run_id=short, metric_key="m", max_results=2, page_token="!")
    wire.get("history max 0", path, run_id=short, metric_key="m", max_results=0)
    wire.get("history max -1", path, run_id=short, metric_key="m", max_results=-1)
    wire.get("history of no key", path, run_id=short, metric_key="never")
    wire.get("history without key", path, run_id=short)
    wire.get("history without run", path, metric_key="m")
    wire.get("history of no run", path, run_id=_NONE, metric_key="m")
    _bulk(wire, run_id, short)
    _interval(wire, run_id, short)


def _bulk(wire: Wire, run_id: str, short: str) -> None:
    path = "metrics/get-history-bulk"
    wire.get("bulk", path, run_id=[short], metric_key="m")
    two = wire.send("bulk of two", "GET", f"2.0/mlflow/{path}", status_only=True, fields=_two(run_id, short))
    points = two.get("metrics", [])
    steps = {run: [point["step"] for point in points if point["run_id"] == run] for run in (run_id, short)}
    wire.note("bulk of two holds", steps)
    wire.get("bulk of no run", path, run_id=[_NONE], metric_key="m")
    wire.get("bulk without run", path, metric_key="m")
    wire.get("bulk without key", path, run_id=[short])
    wire.get("bulk of 101 runs", path, run_id=[f"{n:032x}" for n in range(101)], metric_key="m")


def _two(first: str, second: str) -> list[tuple[str, str]]:
    return [("run_id", first), ("run_id", second), ("metric_key", "m")]


def _interval(wire: Wire, run_id: str, short: str) -> None:
    path = "metrics/get-history-bulk-interval"
    for label, query in {
        "all": {},
        "of 5": {"max_results": 5},
        "of 1": {"max_results": 1},
        "of 7": {"max_results": 7},
        "within": {"max_results": 3, "start_step": 10, "end_step": 40},
        "beyond": {"max_results": 3, "start_step": 1000, "end_step": 2000},
        "without end": {"start_step": 10},
        "without start": {"end_step": 10},
        "backwards": {"start_step": 10, "end_step": 5},
        "empty": {"start_step": 10, "end_step": 10},
        "of 0": {"max_results": 0},
        "of 2501": {"max_results": 2501},
        "of text": {"max_results": "many"},
    }.items():
        wire.get(f"interval {label}", path, run_ids=[run_id], metric_key="m", **query)
    wire.get("interval of two", path, run_ids=[run_id, short], metric_key="m", max_results=4)
    wire.get("interval of no run", path, run_ids=[_NONE], metric_key="m")
    wire.get("interval without run", path, metric_key="m")
    wire.get("interval without key", path, run_ids=[run_id])
    wire.get("interval of 101 runs", path, run_ids=[f"{n:032x}" for n in range(101)], metric_key="m")
