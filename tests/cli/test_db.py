from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.cli.calls import Call

from runebook.client.opening import close_all


def set_version(path: Path, version: int) -> None:
    close_all()
    database = sqlite3.connect(path)
    database.execute("UPDATE schema_version SET version = ?", (version,))
    database.commit()
    database.close()


def test_a_store_of_this_release_needs_no_upgrade(ok: Call, store: str) -> None:
    ok("experiments", "list")
    versions = ok("db", "version", store, "--json").json

    assert versions["stored"] == versions["newest"] >= 1
    assert ok("db", "upgrade", store).stdout.startswith("Nothing to do: the schema has version")
    assert ok("db", "upgrade", "--dry-run", "--json").json == {"dry_run": True, "steps": []}


def test_a_store_without_a_schema_is_left_to_its_first_use(ok: Call, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()

    done = ok("db", "upgrade", f"sqlite:///{tmp_path}/empty.db")
    assert "the database is empty" in done.stdout
    database = sqlite3.connect(tmp_path / "empty.db")
    assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    database.close()


def test_a_store_of_a_later_release_is_left_alone(call: Call, store: str, tmp_path: Path) -> None:
    assert call("experiments", "list").exit_code == 0
    set_version(tmp_path / "store.db", 999)

    for arguments in (["db", "upgrade", store], ["experiments", "list"]):
        done = call("--tracking-uri", store, *arguments)
        assert (done.exit_code, "999" in done.stderr) == (4, True), done
    found = {finding["check"]: finding for finding in call("doctor", "--json").json}
    assert found["schema"]["state"] == "problem"


@pytest.mark.parametrize(
    ("uri", "exit_code"), [("sqlite:///nothing.db", 3), ("./mlruns", 2), ("http://127.0.0.1:9", 2), ("memory:", 2)]
)
def test_what_has_no_schema_is_refused(call: Call, tmp_path: Path, uri: str, exit_code: int) -> None:
    for command in ("upgrade", "version"):
        assert call("db", command, uri).exit_code == exit_code
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_program_is_left_alone(call: Call, tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "other.db")
    database.execute("CREATE TABLE experiments (id INTEGER)")
    database.close()

    done = call("db", "upgrade", f"sqlite:///{tmp_path}/other.db")
    assert (done.exit_code, "another program" in done.stderr) == (4, True)
