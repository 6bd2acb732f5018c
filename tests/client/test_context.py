from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runebook.client import context
from runebook.client.context import mask_secrets


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        (["--password", "x"], ["--password", "***"]),
        (["--db-password=x=y"], ["--db-password=***"]),
        (["-token", "x", "y"], ["-token", "***", "y"]),
        (["--API_KEY", "x"], ["--API_KEY", "***"]),
        (["--secret", "--next", "x"], ["--secret", "--next", "x"]),
        (["--aws-secret-access-key=x"], ["--aws-secret-access-key=***"]),
        (["--store", "postgresql://me:pw@host/db"], ["--store", "postgresql://me:***@host/db"]),
        (["--lr", "0.1", "password"], ["--lr", "0.1", "password"]),
        (["hub.token=x", "model.api_key=y"], ["hub.token=***", "model.api_key=***"]),
        (["--tokenizer", "bert", "--max-tokens=9"], ["--tokenizer", "bert", "--max-tokens=9"]),
    ],
)
def test_what_looks_like_a_secret_is_masked(words: list[str], masked: list[str]) -> None:
    assert mask_secrets(words) == masked


def test_a_command_that_is_installed_is_asked_about_where_it_runs(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/somewhere/bin/pytest", raising=False)
    assert context.source_folder() == own_store

    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/somewhere/train.py", raising=False)
    assert context.source_folder() == Path("/somewhere")


def test_without_a_login_name_in_the_environment_the_system_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert context.user_name() not in {"", "unknown"}

    monkeypatch.setenv("USER", "ada")
    assert context.user_name() == "ada"


def test_a_script_in_a_folder_that_is_no_utf8_starts_runs(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(folder)).mkdir()
    script = folder + b"/train.py"
    Path(os.fsdecode(script)).write_text(
        "import runebook as rb\n"
        f"rb.set_tracking_uri({f'sqlite:///{tmp_path}/runs.db'!r})\n"
        "with rb.start_run() as run: print(ascii(run.data.tags['mlflow.source.name'][-13:]))\n"
    )

    done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("'caf\\ufffd/train.py'\n", "")
