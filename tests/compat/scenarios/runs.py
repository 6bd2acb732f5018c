"""Runs, params and tags through MlflowClient, with good and bad arguments."""

from __future__ import annotations

from typing import Any

from mlflow.entities import Metric, Param, RunTag
from recorder import Recorder

_MISSING = "0123456789abcdef0123456789abcdef"


def ask(record: Recorder, client: Any, prefix: str) -> None:
    experiment = record.create_experiment("create for runs of runs", client.create_experiment, f"{prefix}/runs")
    _create(record, client, experiment)
    run_id = client.create_run(experiment, start_time=1000, run_name="main").info.run_id
    _params(record, client, run_id)
    _tags(record, client, run_id)
    _status(record, client, run_id)
    _parents(record, client, experiment)
    _deleted(record, client, experiment)
    _batches(record, client, experiment)
    record.ask("run at the end", client.get_run, run_id)


def _create(record: Recorder, client: Any, experiment: str) -> None:
    record.ask("run", client.create_run, experiment, start_time=1000, tags={"a": "1", "b": 2}, run_name="named")
    record.ask("run without a name", client.create_run, experiment, start_time=1001)
    record.ask("run now", client.create_run, experiment)
    record.ask("run named by tag", client.create_run, experiment, start_time=1002, tags={"mlflow.runName": "by tag"})
    record.ask("run of both names", client.create_run, experiment, tags={"mlflow.runName": "one"}, run_name="two")
    record.ask("run of a user", client.create_run, experiment, start_time=1003, tags={"mlflow.user": "ada"})
    record.ask("run of no experiment", client.create_run, "987654321")
    record.ask("run of a bad tag", client.create_run, experiment, tags={"a//b": "1"})
    record.ask("run of the default", lambda: client.create_run("0", start_time=1004, run_name="x").info.experiment_id)
    record.ask("get no run", client.get_run, _MISSING)
    record.ask("get run of a bad id", client.get_run, "not an id")


def _params(record: Recorder, client: Any, run_id: str) -> None:
    record.ask("param", client.log_param, run_id, "lr", 0.1)
    record.ask("param again", client.log_param, run_id, "lr", 0.1)
    record.ask("param changed", client.log_param, run_id, "lr", 0.2)
    record.ask("param none", client.log_param, run_id, "none", None)
    record.ask("param empty", client.log_param, run_id, "empty", "")
    record.ask("param structure", client.log_param, run_id, "structure", {"a": [1, 2]})
    record.ask("param multiline", client.log_param, run_id, "lines", "a\nb\r\nc\td")
    record.ask("param of 6000", client.log_param, run_id, "long", "v" * 6000)
    record.ask("param of 6001", client.log_param, run_id, "longer", "v" * 6001)
    record.ask("param of 6001 read", lambda: len(client.get_run(run_id).data.params.get("longer", "")))
    record.ask("param of no key", client.log_param, run_id, "", "x")
    record.ask("param of long key", client.log_param, run_id, "k" * 251, "x")
    record.ask("param of bad key", client.log_param, run_id, "a/../b", "x")
    record.ask("param of odd key", client.log_param, run_id, "a\x00b", "x")
    record.ask("param of no run", client.log_param, _MISSING, "a", "x")


def _tags(record: Recorder, client: Any, run_id: str) -> None:
    record.ask("tag", client.set_tag, run_id, "t", "one")
    record.ask("tag again", client.set_tag, run_id, "t", 2)
    record.ask("tag none", client.set_tag, run_id, "nothing", None)
    record.ask("tag empty", client.set_tag, run_id, "empty", "")
    record.ask("tag of 8001", client.set_tag, run_id, "long", "v" * 8001)
    record.ask("tag of 8001 read", lambda: len(client.get_run(run_id).data.tags.get("long", "")))
    record.ask("tag of long key", client.set_tag, run_id, "k" * 251, "x")
    record.ask("tag of bad key", client.set_tag, run_id, "/a", "x")
    record.ask("tag of no run", client.set_tag, _MISSING, "a", "x")
    record.ask("tag delete", client.delete_tag, run_id, "t")
    record.ask("tag delete again", client.delete_tag, run_id, "t")
    record.ask("tag delete of no run", client.delete_tag, _MISSING, "t")
    record.ask("tag the name", client.set_tag, run_id, "mlflow.runName", "renamed by tag")
    record.ask("tag the name read", lambda: client.get_run(run_id).info.run_name)


def _status(record: Recorder, client: Any, run_id: str) -> None:
    record.ask("update status", client.update_run, run_id, "SCHEDULED")
    record.ask("update name", client.update_run, run_id, name="renamed")
    record.ask("update both", client.update_run, run_id, "RUNNING", "renamed again")
    record.ask("update none", client.update_run, run_id)
    record.ask("update to no status", client.update_run, run_id, "BOGUS")
    record.ask("update no run", client.update_run, _MISSING, "RUNNING")
    record.ask("updated", client.get_run, run_id)
    record.ask("terminate", client.set_terminated, run_id, "FAILED", 5000)
    record.ask("terminated", lambda: client.get_run(run_id).info)
    record.ask("terminate as killed", client.set_terminated, run_id, "KILLED", 6000)
    record.ask("terminate by default", client.set_terminated, run_id)
    record.ask("terminated again", lambda: client.get_run(run_id).info)
    record.ask("terminate no run", client.set_terminated, _MISSING)


def _parents(record: Recorder, client: Any, experiment: str) -> None:
    parent = client.create_run(experiment, start_time=3000, run_name="parent").info.run_id
    child = client.create_run(experiment, start_time=3001, run_name="child", tags={"mlflow.parentRunId": parent})
    record.ask("parent", client.get_parent_run, child.info.run_id)
    record.ask("no parent", client.get_parent_run, parent)
    record.ask("parent of no run", client.get_parent_run, _MISSING)


def _deleted(record: Recorder, client: Any, experiment: str) -> None:
    run_id = client.create_run(experiment, start_time=4000, run_name="to delete").info.run_id
    record.ask("delete run", client.delete_run, run_id)
    record.ask("delete run again", client.delete_run, run_id)
    record.ask("delete no run", client.delete_run, _MISSING)
    record.ask("get deleted run", client.get_run, run_id)
    record.ask("param of deleted run", client.log_param, run_id, "a", "1")
    record.ask("metric of deleted run", client.log_metric, run_id, "a", 1.0)
    record.ask("tag of deleted run", client.set_tag, run_id, "a", "1")
    record.ask("tag delete of deleted run", client.delete_tag, run_id, "a")
    record.ask("batch of deleted run", client.log_batch, run_id, params=[Param("a", "1")])
    record.ask("update deleted run", client.update_run, run_id, "FAILED")
    record.ask("terminate deleted run", client.set_terminated, run_id)
    record.ask("restore run", client.restore_run, run_id)
    record.ask("restore run again", client.restore_run, run_id)
    record.ask("restore no run", client.restore_run, _MISSING)
    record.ask("get restored run", client.get_run, run_id)


def _batches(record: Recorder, client: Any, experiment: str) -> None:
    run_id = client.create_run(experiment, start_time=5000, run_name="batches").info.run_id
    metrics = [Metric("m", value, 100 + step, step) for step, value in enumerate((3.0, 2.0, 1.0))]
    record.ask("batch", client.log_batch, run_id, metrics, [Param("p", "1")], [RunTag("t", "1")])
    record.ask("batch read", client.get_run, run_id)
    record.ask("batch nothing", client.log_batch, run_id)
    record.ask("batch same param", client.log_batch, run_id, params=[Param("p", "1")])
    changed = {"metrics": [Metric("n", 1.0, 1, 0)], "params": [Param("new", "1"), Param("p", "2")]}
    record.ask("batch changed param", client.log_batch, run_id, **changed, tags=[RunTag("u", "1")])
    record.ask("batch changed param read", lambda: client.get_run(run_id).data)
    record.ask("batch bad metric key", client.log_batch, run_id, [Metric("a//b", 1.0, 1, 0)], [Param("q", "1")])
    record.ask("batch doubled param", client.log_batch, run_id, params=[Param("d", "1"), Param("d", "2")])
    record.ask("batch doubled tag", client.log_batch, run_id, tags=[RunTag("d", "1"), RunTag("d", "2")])
    record.ask("batch of 250 params", client.log_batch, run_id, params=[Param(f"p{i}", str(i)) for i in range(250)])
    record.ask("batch of no run", client.log_batch, _MISSING, metrics)
    record.ask("batch read at the end", lambda: client.get_run(run_id).data)
