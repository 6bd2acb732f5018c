"""Run search through MlflowClient: filters, orders, views and pages over one small set of runs."""

from __future__ import annotations

from typing import Any

from mlflow.entities import Metric, Param, RunTag, ViewType
from recorder import Recorder

FILTERS = {
    "nothing": "",
    "metric >": "metrics.acc > 0.5",
    "metric >=": "metrics.acc >= 0.5",
    "metric <": "metrics.acc < 0.5",
    "metric =": "metrics.acc = 0.5",
    "metric !=": "metrics.acc != 0.5",
    "metric exponent": "metric.acc > 1e-1",
    "metric negative": "metrics.acc > -1",
    "metric nan": "metrics.odd != 1",
    "metric quoted": 'metrics."val/acc top" > 0',
    "metric back-ticked": "metrics.`val/acc top` < 10",
    "metric like": "metrics.acc LIKE '0.5'",
    "metric text": "metrics.acc > 'x'",
    "param =": "params.kind = 'tree'",
    "param !=": "params.kind != 'tree'",
    "param like": "params.kind LIKE 'TR%'",
    "param ilike": "parameter.kind ILIKE 'TR%'",
    "param underscore": "params.kind LIKE '_ree'",
    "param number": "params.lr > 0.05",
    "param unquoted": "params.kind = tree",
    "param double-quoted": 'params.kind = "tree"',
    "param null": "params.only IS NULL",
    "param not null": "params.only IS NOT NULL",
    "param in": "params.kind IN ('tree')",
    "tag =": "tags.team = 'red'",
    "tag dotted": "tags.mlflow.runName = 'run 1'",
    "tag null": "tag.team IS NULL",
    "tag unicode": "tags.`größe` = 'ü'",
    "and": "metrics.acc > 0.2 AND params.kind = 'tree' and tags.team = 'red'",
    "or": "metrics.acc > 0.2 OR params.kind = 'tree'",
    "parentheses": "(metrics.acc > 0.2)",
    "not": "NOT metrics.acc > 0.2",
    "name": "run_name = 'run 1'",
    "name like": "attributes.run_name LIKE 'run%'",
    "name alias": "attributes.`Run name` = 'run 1'",
    "status": "attributes.status = 'FINISHED'",
    "status lower": "attr.status = 'finished'",
    "status like": "status LIKE 'FIN%'",
    "user": "user_id != 'nobody'",
    "start": "start_time > 1500",
    "start decimal": "start_time >= 2000.5",
    "created": "attribute.created < 2500",
    "end": "attributes.end_time > 0",
    "run id": "attributes.run_id != 'x'",
    "run ids": "run_id NOT IN ('x', 'y')",
    "artifact": "attributes.artifact_uri LIKE 'mlflow-artifacts:%'",
    "unknown attribute": "attributes.experiment_id = '987654321'",
    "unknown entity": "things.a = '1'",
    "upper entity": "Metrics.acc > 0.5",
    "missing value": "metrics.acc >",
    "double equals": "metrics.acc == 0.5",
    "reversed": "0.5 < metrics.acc",
    "semicolon": "metrics.acc > 0.5;",
    "injection": "params.kind = 'tree'' OR 1=1'",
    "unclosed": "params.kind = 'tree",
    "no match": "metrics.acc > 100",
    "unknown key": "metrics.never > 0",
    "same key": "metrics.acc > 0.2 AND metrics.acc < 0.8",
    "case of a key": "params.Kind = 'tree'",
}

ORDERS = {
    "metric": ["metrics.acc"],
    "metric desc": ["metrics.acc DESC"],
    "nan": ["metrics.odd ASC"],
    "nan desc": ["metrics.odd DESC"],
    "param": ["params.lr"],
    "param desc": ["params.kind DESC", "metrics.acc ASC"],
    "tag": ["tags.team", "attributes.start_time"],
    "start": ["attributes.start_time ASC"],
    "name": ["run_name DESC"],
    "status": ["status ASC", "start_time ASC"],
    "end": ["end_time"],
    "quoted": ["metrics.`val/acc top` DESC"],
    "missing": ["metrics.never"],
    "dataset": ["dataset.name"],
    "empty": [""],
    "unknown": ["attributes.nothing"],
    "two directions": ["metrics.acc ASC DESC"],
    "nulls first": ["metrics.acc NULLS FIRST"],
}


def _fill(client: Any, experiment: str) -> list[str]:
    """Six runs: equal and missing metrics, NaN, params, tags, one deleted."""
    found = []
    for index in range(6):
        run_id = client.create_run(experiment, start_time=1000 * (index + 1), run_name=f"run {index}").info.run_id
        metrics = [Metric("acc", (0.1, 0.9, 0.5, 0.5, 0.3)[index], 1, 0)] if index < 5 else []
        odd = [Metric("odd", (float("nan"), 1.0, -2.0)[index], 1, 0)] if index < 3 else []
        spaced = [Metric("val/acc top", float(index), 1, 0)] if index % 2 else []
        params = [Param("kind", ("tree", "net", "Tree")[index % 3]), Param("lr", str((1e-3, 0.1, 10)[index % 3]))]
        tags = [RunTag("team", ("red", "blue")[index % 2])] if index < 4 else [RunTag("größe", "ü")]
        only = [Param("only", "x")] if index == 4 else []
        client.log_batch(run_id, metrics + odd + spaced, params + only, tags)
        if index < 3:
            client.set_terminated(run_id, ("FINISHED", "FAILED", "KILLED")[index], 9000 - index)
        found.append(run_id)
    client.delete_run(found[5])
    return found


def ask(record: Recorder, client: Any, prefix: str) -> None:
    experiment = record.create_experiment("create for search", client.create_experiment, f"{prefix}/search")
    other = record.create_experiment("create for search too", client.create_experiment, f"{prefix}/search too")
    client.create_run(other, start_time=1, run_name="elsewhere")
    _fill(client, experiment)

    def names(*args: Any, **kwargs: Any) -> list[str]:
        return [run.info.run_name for run in client.search_runs(*args, **kwargs)]

    record.ask("runs", client.search_runs, [experiment])
    for label, text in FILTERS.items():
        record.ask(f"runs with {label}", names, [experiment], text)
    for label, order in ORDERS.items():
        record.ask(f"runs by {label}", names, [experiment], order_by=order)
    record.ask("runs deleted", names, [experiment], run_view_type=ViewType.DELETED_ONLY)
    record.ask("runs all", names, [experiment], run_view_type=ViewType.ALL)
    record.ask("runs of two", names, [experiment, other])
    record.ask("runs of none", names, [])
    record.ask("runs of missing", names, ["987654321"])
    record.ask("runs by experiment name", names, ["not a number"])
    _pages(record, client, experiment)


def _pages(record: Recorder, client: Any, experiment: str) -> None:
    token = None
    for page in range(3):
        runs = client.search_runs([experiment], order_by=["metrics.acc DESC"], max_results=2, page_token=token)
        token = runs.token or None
        found = [run.info.run_name for run in runs]
        record.note(f"runs page {page}", {"names": found, "more": token is not None})
    record.ask("runs bad token", client.search_runs, [experiment], page_token="%%%")
    record.ask("runs max none", client.search_runs, [experiment], max_results=0)
    record.ask("runs max negative", client.search_runs, [experiment], max_results=-5)
    record.ask("runs max too many", client.search_runs, [experiment], max_results=50001)
