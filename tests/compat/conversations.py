"""Runs a scenario in a real MLflow client's own Python, against a server, and reads back its answers."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .environments import MLFLOW_2, MLFLOW_3, Environment, ensure
from .servers import environment_of

_MAIN = Path(__file__).parent / "scenarios" / "main.py"
_TIMEOUT_S = 240


@dataclass(frozen=True)
class MlflowRelease:
    """An MLflow client and what it can talk about."""

    name: str
    environment: Environment
    topics: tuple[str, ...]


_TOPICS = ("experiments", "runs", "metrics", "search", "inputs", "artifacts", "fluent", "exotic")
RELEASES = (
    MlflowRelease("mlflow-3", MLFLOW_3, (*_TOPICS, "models")),
    MlflowRelease("mlflow-2", MLFLOW_2, _TOPICS),
)


@dataclass(frozen=True)
class Answers:
    """What a server answered, by question, and which functions of the client were used to ask."""

    by_question: dict[str, Any]
    client_calls: frozenset[str]
    fluent_calls: frozenset[str]


def converse(release: MlflowRelease, server: str, directory: Path) -> Answers:
    """Have the release's whole conversation with the server."""
    return _run(release, server, directory, ["--topics", *release.topics])


def read_exotic(release: MlflowRelease, server: str, directory: Path, written_by: MlflowRelease) -> Answers:
    """Read with one release what another one wrote."""
    return _run(release, server, directory, ["--read-exotic", written_by.name])


def _run(release: MlflowRelease, server: str, directory: Path, options: list[str]) -> Answers:
    directory.mkdir(parents=True)
    command = [str(ensure(release.environment)), "-W", "ignore", str(_MAIN), "--server", server]
    command += ["--prefix", release.name, "--out", "answers.json", *options]
    quiet = {
        "HOME": str(directory),
        "MPLBACKEND": "Agg",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment_of(os.environ) | quiet,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the scenario failed in {release.name}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    found = json.loads((directory / "answers.json").read_text(encoding="utf-8"))
    return Answers(found["answers"], frozenset(found["client_calls"]), frozenset(found["fluent_calls"]))
