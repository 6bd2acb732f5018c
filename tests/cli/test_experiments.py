from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from tests.cli.calls import Call


@pytest.fixture
def vision(ok: Call) -> str:
    """The id of an experiment named vision."""
    return ok("experiments", "create", "-n", "vision", "-t", "team=a", "-t", "note=x=y").lines[0]


@pytest.mark.usefixtures("default_is_older")
def test_create_prints_the_id_and_the_rest_is_kept(ok: Call, tmp_path: Path) -> None:
    made = ok("experiments", "create", "-n", "here", "-l", str(tmp_path / "files"), "--json").json["experiment_id"]

    found = ok("experiments", "get", "-x", made, "--json").json
    assert (found["name"], found["artifact_location"]) == ("here", str(tmp_path / "files"))


def test_get_prints_the_same_by_id_and_by_name(ok: Call, vision: str) -> None:
    by_id, by_name = ok("experiments", "get", "-x", vision), ok("experiments", "get", "-n", "vision")

    assert by_id == by_name
    fields = dict(line.split(maxsplit=1) for line in by_id.lines if len(line.split()) > 1)
    assert fields["name"] == "vision"
    assert (fields["tags.team"], fields["tags.note"]) == ("a", "x=y")


def test_get_as_mlflow_spells_json(ok: Call, vision: str) -> None:
    assert ok("experiments", "get", "-x", vision, "--output", "json").json["tags"] == {"team": "a", "note": "x=y"}


@pytest.mark.parametrize("arguments", [[], ["-x", "0", "-n", "Default"]])
def test_get_wants_one_of_id_and_name(call: Call, arguments: list[str]) -> None:
    done = call("experiments", "get", *arguments)

    assert done.exit_code == 2
    assert "either --experiment-id or --experiment-name" in done.stderr


@pytest.mark.usefixtures("default_is_older")
def test_list_is_a_table_of_what_is_not_in_the_trash(ok: Call, vision: str) -> None:
    ok("experiments", "create", "-n", "gone")
    ok("experiments", "delete", "-x", "2")

    header, *rows = ok("experiments", "list").cells
    assert header == ["experiment_id", "name", "lifecycle_stage", "artifact_location"]
    assert [row[:3] for row in rows] == [[vision, "vision", "active"], ["0", "Default", "active"]]
    assert [row[1] for row in ok("experiments", "search", "-v", "deleted_only").cells[1:]] == ["gone"]
    assert len(ok("experiments", "search", "--view", "all").lines) == 4


def test_search_filters_orders_and_stops(ok: Call, vision: str) -> None:
    ok("experiments", "create", "-n", "vision 2")

    found = ok("experiments", "search", "--filter", "name LIKE 'vision%'", "--order-by", "name DESC", "--json").json
    assert [experiment["name"] for experiment in found] == ["vision 2", "vision"]
    assert len(ok("experiments", "search", "--max-results", "1").lines) == 2


def test_search_reads_all_pages(ok: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runebook.cli.session.PAGE_SIZE", 2)
    for number in range(4):
        ok("experiments", "create", "-n", f"number {number}")

    assert len(ok("experiments", "list", "--json").json) == 5
    assert len(ok("experiments", "list", "--max-results", "3", "--json").json) == 3


def test_an_experiment_is_renamed_tagged_deleted_and_restored(ok: Call, vision: str) -> None:
    ok("experiments", "rename", "-x", vision, "--new-name", "sight")
    ok("experiments", "set-tag", "-x", vision, "--key", "team", "--value", "b")
    assert ok("experiments", "delete", "-x", vision, "--json").json == {"experiment_id": vision}

    deleted = ok("experiments", "get", "-n", "sight", "--json").json
    assert (deleted["lifecycle_stage"], deleted["tags"]["team"]) == ("deleted", "b")
    ok("experiments", "restore", "-x", vision)
    assert ok("experiments", "get", "-n", "sight", "--json").json["lifecycle_stage"] == "active"


@pytest.mark.parametrize("tag", ["team", "=a"])
def test_a_tag_without_key_or_value_is_refused(call: Call, tag: str) -> None:
    done = call("experiments", "create", "-n", "x", "-t", tag)

    assert done.exit_code == 2
    assert repr(tag) in done.stderr
    assert call("experiments", "get", "-n", "x").exit_code == 3


def test_csv_has_a_line_for_each_run_and_a_column_for_all_that_was_logged(
    ok: Call, vision: str, tmp_path: Path
) -> None:
    first = ok("runs", "create", "--experiment-id", vision, "-t", 'quoted=say "hi", then\ngo').lines[0]
    second = ok("runs", "create", "--experiment-id", vision, "--run-name", "second").lines[0]

    printed = ok("experiments", "csv", "-x", vision).stdout
    ok("experiments", "csv", "-x", vision, "-o", str(tmp_path / "runs.csv"))

    rows = {row["run_id"]: row for row in csv.DictReader(io.StringIO(printed))}
    assert set(rows) == {first, second}
    assert rows[first]["tags.quoted"] == 'say "hi", then\ngo'
    assert rows[second]["tags.quoted"] == ""
    assert rows[second]["run_name"] == "second"
    assert (tmp_path / "runs.csv").read_text() == printed
