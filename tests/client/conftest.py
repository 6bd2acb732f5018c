"""Each test tracks to a store of its own, and leaves no run, choice or connection behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.server.running import RunningServer

import runebook as rb
from runebook.client import active_run, opening
from runebook.client.fluent import active_model, experiments
from runebook.core.runs import RunStatus

Script = Callable[..., "subprocess.CompletedProcess[str]"]


def without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("RUNEBOOK_", "MLFLOW_"))}


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory without a store in it, and nothing set; `runebook.db` appears there when a test tracks."""
    for name in set(os.environ) - set(without_settings()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RUNEBOOK_GIT_DIFF", "false")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    active_run.end_all(RunStatus.KILLED)
    for variable in (active_run._stack, active_run._last_run_id, active_model._active):
        variable.set(() if variable is active_run._stack else None)  # type: ignore[arg-type]
    rb.set_tracking_uri("")
    experiments._chosen = None
    for name in set(os.environ) - set(without_settings()):
        os.environ.pop(name)
    opening.close_all()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Runs a program in a fresh interpreter, in the working directory of the test."""

    def run(source: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(source))
        done = subprocess.run(
            [sys.executable, str(path), *arguments],
            cwd=tmp_path,
            env=without_settings(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def server_uri(server: RunningServer) -> str:
    return f"http://127.0.0.1:{server.port}"
