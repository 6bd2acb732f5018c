"""The command line over a store of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.calls import Call, Done

from runebook.cli.main import cli
from runebook.client.opening import close_all


@pytest.fixture(autouse=True)
def _closed_stores() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store that does not exist yet, in a directory that is the working directory."""
    monkeypatch.chdir(tmp_path)
    for variable in ("TRACKING_URI", "EXPERIMENT_ID", "EXPERIMENT_NAME", "BACKEND_STORE_URI"):
        for prefix in ("RUNEBOOK_", "MLFLOW_"):
            monkeypatch.delenv(prefix + variable, raising=False)
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def call(store: str) -> Call:
    """Calls `runebook --tracking-uri STORE ...` in this process."""

    def run(*arguments: str) -> Done:
        result = CliRunner().invoke(cli, ["--tracking-uri", store, *arguments], prog_name="runebook")
        return Done(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def ok(call: Call) -> Call:
    """Like `call`, for commands that succeed."""

    def run(*arguments: str) -> Done:
        done = call(*arguments)
        assert (done.exit_code, done.stderr) == (0, ""), done
        return done

    return run


@pytest.fixture
def default_is_older(ok: Call) -> None:
    """The store is made a moment before the test: lists put the newest first, by the millisecond."""
    ok("experiments", "list")
    time.sleep(0.002)
