from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.calls import Call


def states(call: Call, *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
    done = call(*arguments, "doctor", "--json")
    return done.exit_code, {found["check"]: (found["state"], found["detail"]) for found in done.json}


def test_a_store_that_is_well_is_reported_well(ok: Call) -> None:
    ok("experiments", "list")

    exit_code, found = states(ok)
    assert exit_code == 0
    assert {found[check][0] for check in ("store", "schema", "files", "git")} == {"ok"}


def test_a_store_that_is_not_there_yet_is_not_made(ok: Call, tmp_path: Path) -> None:
    exit_code, found = states(ok)

    assert (exit_code, found["store"][0]) == (0, "ok")
    assert "not there yet" in found["store"][1]
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_is_a_problem(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNEBOOK_HTTP_REQUEST_MAX_RETRIES", "0")

    exit_code, found = states(call, "--tracking-uri", "http://127.0.0.1:9")
    assert (exit_code, found["store"][0]) == (1, "problem")
    assert "files" not in found


def test_a_database_that_is_none_is_a_problem(call: Call, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_text("this is no database, however long it may be " * 100)

    exit_code, found = states(call, "--tracking-uri", f"sqlite:///{tmp_path}/broken.db")
    assert (exit_code, found["schema"][0]) == (1, "problem")
    assert "store" not in found


def test_an_address_that_no_store_has_is_a_problem(call: Call) -> None:
    exit_code, found = states(call, "--tracking-uri", "gopher://somewhere")

    assert (exit_code, found["store"][0]) == (1, "problem")


def test_secrets_are_hidden(ok: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret")
    monkeypatch.setenv("RUNEBOOK_BACKEND_STORE_URI", "postgresql://ann:s3cret@db/runebook")

    done = ok("doctor")
    assert "s3cret" not in done.stdout
    assert "postgresql://ann:***@db/runebook" in done.stdout
    assert "postgresql" not in ok("doctor", "--mask-envs").stdout


def test_without_git_there_is_a_note_and_no_problem(ok: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    exit_code, found = states(ok)
    assert (exit_code, found["git"][0]) == (0, "note")
