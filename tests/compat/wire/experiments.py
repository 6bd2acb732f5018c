"""Experiments over plain HTTP."""

from __future__ import annotations

from .speaker import Wire


def ask(wire: Wire) -> None:
    first = wire.experiment("first")
    _create(wire)
    _read(wire, first)
    _change(wire, first)
    _search(wire)


def _create(wire: Wire) -> None:
    path = "experiments/create"
    wire.post("create taken", path, {"name": f"{wire.label}/first"})
    wire.post("create nameless", path, {})
    wire.post("create of an empty name", path, {"name": ""})
    wire.post("create of a number", path, {"name": 5})
    wire.post("create of a long name", path, {"name": "n" * 501})
    wire.post("create at a bad place", path, {"name": f"{wire.label}/bad", "artifact_location": "s3://a/b#c"})
    wire.post(
        "create at a long place", path, {"name": f"{wire.label}/bad", "artifact_location": "s3://a/" + "b" * 2048}
    )
    wire.post("create with a bad tag", path, {"name": f"{wire.label}/bad", "tags": [{"key": "/a", "value": "1"}]})
    wire.post("create with a long tag", path, {"name": f"{wire.label}/bad", "tags": [{"key": "k" * 251, "value": "1"}]})


def _read(wire: Wire, first: str) -> None:
    wire.get("get", "experiments/get", experiment_id=first)
    wire.get("get none", "experiments/get", experiment_id="987654321")
    wire.get("get text", "experiments/get", experiment_id="abc")
    wire.get("get nothing", "experiments/get")
    wire.get("get empty", "experiments/get", experiment_id="")
    wire.get("get by name", "experiments/get-by-name", experiment_name=f"{wire.label}/first")
    wire.get("get by no name", "experiments/get-by-name", experiment_name="no such name")
    wire.get("get by nothing", "experiments/get-by-name")


def _change(wire: Wire, first: str) -> None:
    second = wire.experiment("second")
    wire.post("rename", "experiments/update", {"experiment_id": second, "new_name": f"{wire.label}/renamed"})
    wire.post("rename to nothing", "experiments/update", {"experiment_id": second})
    wire.post("rename to the taken", "experiments/update", {"experiment_id": second, "new_name": f"{wire.label}/first"})
    wire.post("rename none", "experiments/update", {"experiment_id": "987654321", "new_name": f"{wire.label}/x"})
    tag = "experiments/set-experiment-tag"
    wire.post("tag", tag, {"experiment_id": first, "key": "a", "value": "1"})
    wire.post("tag without value", tag, {"experiment_id": first, "key": "b"})
    wire.post("tag without key", tag, {"experiment_id": first, "value": "1"})
    wire.post("tag of a bad key", tag, {"experiment_id": first, "key": "a\\b", "value": "1"})
    wire.post("tag of a number", tag, {"experiment_id": first, "key": "a", "value": 1})
    wire.post("tag of none", tag, {"experiment_id": "987654321", "key": "a", "value": "1"})
    wire.get("get tagged", "experiments/get", experiment_id=first)
    wire.post("untag", "experiments/delete-experiment-tag", {"experiment_id": first, "key": "b"})
    wire.post("untag again", "experiments/delete-experiment-tag", {"experiment_id": first, "key": "b"})
    wire.post("tag of 20001", tag, {"experiment_id": first, "key": "long", "value": "v" * 20001})
    wire.post("untag the long", "experiments/delete-experiment-tag", {"experiment_id": first, "key": "long"})
    wire.post("untag without key", "experiments/delete-experiment-tag", {"experiment_id": first})
    wire.post("delete", "experiments/delete", {"experiment_id": second})
    wire.post("delete again", "experiments/delete", {"experiment_id": second})
    wire.post("delete nothing", "experiments/delete", {})
    wire.get("get deleted", "experiments/get", experiment_id=second)
    wire.post("rename deleted", "experiments/update", {"experiment_id": second, "new_name": f"{wire.label}/y"})
    wire.post("restore", "experiments/restore", {"experiment_id": second})
    wire.post("restore again", "experiments/restore", {"experiment_id": second})
    wire.post("restore nothing", "experiments/restore", {})


def _search(wire: Wire) -> None:
    mine = f"name LIKE '{wire.label}/%'"
    path = "experiments/search"
    wire.post("search", path, {"max_results": 2, "filter": f"{mine} AND name != 'x'", "order_by": ["name"]})
    wire.get("search by get", path, max_results=1, filter=mine, order_by=["creation_time DESC", "name"])
    wire.get("search deleted by get", path, max_results=9, filter=mine, view_type="DELETED_ONLY")
    wire.post("search without max", path, {"filter": mine})
    wire.post("search max 0", path, {"max_results": 0})
    wire.post("search max 50001", path, {"max_results": 50001})
    wire.post("search max of text", path, {"max_results": "many"})
    wire.post("search nonsense", path, {"max_results": 1, "filter": "nonsense"})
    wire.post("search bad order", path, {"max_results": 1, "order_by": ["nonsense"]})
    wire.post("search bad token", path, {"max_results": 1, "page_token": "!"})
    wire.post("search token of text", path, {"max_results": 1, "page_token": "YWJj"})
    wire.post("search token of zero", path, {"max_results": 1, "page_token": "eyJvZmZzZXQiOiAwfQ=="})
    wire.post("search past the end", path, {"max_results": 1, "page_token": "eyJvZmZzZXQiOiA5OTk5OTl9"})
