from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.cli.calls import Call

NAMES = ("RUNEBOOK_A", "RUNEBOOK_B", "RUNEBOOK_C", "RUNEBOOK_D")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "x")  # so that the fixture removes what the test sets
        monkeypatch.delenv(name)


def test_an_env_file_sets_what_is_not_set(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNEBOOK_B", "mine")
    file = tmp_path / "settings.env"
    file.write_text(
        "# a comment\n\nexport RUNEBOOK_A='two words'\nRUNEBOOK_B=theirs\nRUNEBOOK_C=a=b # note\nRUNEBOOK_D=\n"
    )

    assert call("--env-file", str(file), "experiments", "list").exit_code == 0
    assert [os.environ[name] for name in NAMES] == ["two words", "mine", "a=b", ""]


@pytest.mark.parametrize("line", ["RUNEBOOK_A", "=value", "two words=1", "RUNEBOOK_A='open"])
def test_a_line_that_sets_nothing_is_refused_by_its_number(call: Call, tmp_path: Path, line: str) -> None:
    file = tmp_path / "settings.env"
    file.write_text(f"# first\n{line}\n")

    done = call("--env-file", str(file), "experiments", "list")

    assert done.exit_code == 2
    assert f"{file}, line 2" in done.stderr


def test_a_file_that_is_no_text_is_refused(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_bytes(b"RUNEBOOK_A=\xff\xfe")

    done = call("--env-file", str(file), "experiments", "list")

    assert (done.exit_code, str(file) in done.stderr) == (2, True)
