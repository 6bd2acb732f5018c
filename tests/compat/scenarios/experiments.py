"""Every experiment method of MlflowClient, with good and bad arguments."""

from __future__ import annotations

from typing import Any

from mlflow.entities import ViewType
from recorder import Recorder


def ask(record: Recorder, client: Any, prefix: str) -> None:
    first = record.create_experiment("create with tags", client.create_experiment, f"{prefix}/first", tags={"a": "1"})
    second = record.create_experiment("create", client.create_experiment, f"{prefix}/second")
    located = record.create_experiment(
        "create with a location",
        client.create_experiment,
        f"{prefix}/located",
        artifact_location="mlflow-artifacts:/elsewhere",
    )
    _names(record, client, prefix, first)
    _tags(record, client, first)
    _lifecycle(record, client, prefix, first, second)
    record.ask("get located", client.get_experiment, located)
    _search(record, client, prefix)
    _deleted_with_runs(record, client, prefix)


def _names(record: Recorder, client: Any, prefix: str, first: str) -> None:
    record.ask("get", client.get_experiment, first)
    record.ask("get missing", client.get_experiment, "987654321")
    record.ask("get by name", client.get_experiment_by_name, f"{prefix}/first")
    record.ask("get by missing name", client.get_experiment_by_name, f"{prefix}/none")
    record.ask("get default", client.get_experiment, "0")
    record.ask("create taken name", client.create_experiment, f"{prefix}/first")
    record.ask("create empty name", client.create_experiment, "")
    record.ask("create too long name", client.create_experiment, "n" * 501)
    record.ask("create bad location", client.create_experiment, f"{prefix}/bad", artifact_location="s3://b/a?x#frag")
    record.ask("create bad tag key", client.create_experiment, f"{prefix}/badtag", tags={"a//b": "1"})
    record.ask("rename", client.rename_experiment, first, f"{prefix}/first renamed é✓")
    record.ask("get renamed", client.get_experiment_by_name, f"{prefix}/first renamed é✓")
    record.ask("rename to the taken", client.rename_experiment, first, f"{prefix}/second")
    record.ask("rename to empty", client.rename_experiment, first, "")
    record.ask("rename missing", client.rename_experiment, "987654321", f"{prefix}/x")


def _tags(record: Recorder, client: Any, first: str) -> None:
    record.ask("set tag", client.set_experiment_tag, first, "note", "one")
    record.ask("set tag again", client.set_experiment_tag, first, "note", "two")
    record.ask("set tag to a number", client.set_experiment_tag, first, "number", 3.5)
    record.ask("set tag unicode", client.set_experiment_tag, first, "schlüssel/ä b", "wert ✓")
    record.ask("set tag of bad key", client.set_experiment_tag, first, "a/../b", "x")
    record.ask("set tag of long key", client.set_experiment_tag, first, "k" * 251, "x")
    record.ask("set tag of 20000", client.set_experiment_tag, first, "long", "v" * 20000)
    record.ask("set tag of missing", client.set_experiment_tag, "987654321", "a", "b")
    record.ask("get tagged", client.get_experiment, first)
    if hasattr(client, "delete_experiment_tag"):
        record.ask("delete tag", client.delete_experiment_tag, first, "note")
        record.ask("delete missing tag", client.delete_experiment_tag, first, "note")
        record.ask("delete tag of missing", client.delete_experiment_tag, "987654321", "note")
        record.ask("get untagged", client.get_experiment, first)


def _lifecycle(record: Recorder, client: Any, prefix: str, first: str, second: str) -> None:
    record.ask("delete", client.delete_experiment, second)
    record.ask("delete again", client.delete_experiment, second)
    record.ask("delete missing", client.delete_experiment, "987654321")
    record.ask("get deleted", client.get_experiment, second)
    record.ask("get deleted by name", client.get_experiment_by_name, f"{prefix}/second")
    record.ask("create name of deleted", client.create_experiment, f"{prefix}/second")
    record.ask("rename deleted", client.rename_experiment, second, f"{prefix}/third")
    record.ask("tag deleted", client.set_experiment_tag, second, "a", "b")
    record.ask("run in deleted", client.create_run, second)
    record.ask("search deleted", client.search_experiments, ViewType.DELETED_ONLY, 50, f"name LIKE '{prefix}/%'")
    record.ask("restore", client.restore_experiment, second)
    record.ask("restore active", client.restore_experiment, first)
    record.ask("restore missing", client.restore_experiment, "987654321")
    record.ask("get restored", client.get_experiment, second)


def _search(record: Recorder, client: Any, prefix: str) -> None:
    mine = f"name LIKE '{prefix}/%'"
    record.ask("search", client.search_experiments, filter_string=mine)
    filters = {
        "ilike": f"name ILIKE '{prefix.upper()}/FIRST%'",
        "equal": f"name = '{prefix}/second'",
        "not equal": f"name != '{prefix}/second' AND {mine}",
        "tag": f"tags.a = '1' AND {mine}",
        "tag like": f"{mine} AND tag.a LIKE '%1%'",
        "tag is null": f"tags.a IS NULL AND {mine}",
        "tag is not null": f"tags.a IS NOT NULL AND {mine}",
        "quoted tag": f"{mine} AND tags.`schlüssel/ä b` = 'wert ✓'",
        "time": f"creation_time > 1000 AND {mine}",
        "update time": f"last_update_time < 1000 AND {mine}",
        "bad key": f"lifecycle_stage = 'deleted' AND {mine}",
        "bad comparator": "name > 'a'",
        "bad syntax": "name = ",
        "bad value": "creation_time = 'x'",
        "unquoted value": "name = abc",
        "or": "name = 'a' OR name = 'b'",
    }
    for label, text in filters.items():
        record.ask(f"search {label}", client.search_experiments, filter_string=text)
    orders = {"name": ["name"], "name desc": ["name DESC"], "time": ["creation_time ASC"]}
    for label, order in orders.items():
        record.ask(f"search by {label}", client.search_experiments, filter_string=mine, order_by=order)
    by_id = client.search_experiments(filter_string=mine, order_by=["experiment_id DESC"])
    ids = [int(experiment.experiment_id) for experiment in by_id]
    record.note("search by id is in order", ids == sorted(ids, reverse=True))
    record.ask("search by a bad key", client.search_experiments, order_by=["tags.a"])
    record.ask("search by a bad direction", client.search_experiments, order_by=["name UPWARD"])
    page = record.ask("search page", client.search_experiments, max_results=2, filter_string=mine, order_by=["name"])
    token = page.token if page is not None else None
    record.ask(
        "search next page",
        client.search_experiments,
        max_results=2,
        filter_string=mine,
        order_by=["name"],
        page_token=token,
    )
    record.ask("search bad token", client.search_experiments, page_token="rubbish")
    record.ask("search none", client.search_experiments, max_results=0)
    record.ask("search negative", client.search_experiments, max_results=-1)
    record.ask("search too many", client.search_experiments, max_results=50001)


def _deleted_with_runs(record: Recorder, client: Any, prefix: str) -> None:
    """What a restored experiment brings back of its runs."""
    experiment = record.create_experiment("create for runs", client.create_experiment, f"{prefix}/with runs")
    kept = client.create_run(experiment, start_time=1000, run_name="kept").info.run_id
    thrown = client.create_run(experiment, start_time=2000, run_name="thrown away by hand").info.run_id
    client.delete_run(thrown)
    client.delete_experiment(experiment)
    record.ask("run of deleted", lambda: client.get_run(kept).info)
    client.restore_experiment(experiment)
    record.ask("run of restored", lambda: client.get_run(kept).info.lifecycle_stage)
    record.ask("thrown run of restored", lambda: client.get_run(thrown).info.lifecycle_stage)
