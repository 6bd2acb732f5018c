"""MLflow's own clients, against Runebook on every store, must hear what a real MLflow server tells them."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from .client_deviations import CLIENT_DEVIATIONS
from .client_wordings import CLIENT_WORDINGS
from .comparison import differences, needless_wordings
from .conftest import Server
from .conversations import RELEASES, MlflowRelease
from .environments import ensure
from .servers import environment_of
from .surface import LIST_SURFACE, OTHER_CLIENT_METHODS, OTHER_FLUENT_FUNCTIONS

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("compat")]


@pytest.fixture(params=RELEASES, ids=lambda release: release.name)
def release(request: pytest.FixtureRequest) -> MlflowRelease:
    found: MlflowRelease = request.param
    return found


def test_every_answer_is_mlflows_or_a_listed_deviation(
    mlflow: Server, runebook: Server, release: MlflowRelease
) -> None:
    mlflow.start()
    runebook.start()
    expected = mlflow.converse(release).by_question
    answered = runebook.converse(release).by_question

    found = differences(expected, answered, CLIENT_DEVIATIONS)

    assert not found, f"{len(found)} answers differ from MLflow's:\n" + "\n".join(found)


def test_exotic_values_written_by_one_release_are_read_by_the_other(runebook: Server, release: MlflowRelease) -> None:
    (other,) = (one for one in RELEASES if one != release)
    written = runebook.converse(other).by_question
    read = runebook.read_exotic(release, other).by_question

    kept = {name: answer for name, answer in read.items() if name.startswith("text")}
    assert kept
    assert all(all(answer.values()) for answer in kept.values()), kept
    for name in ("inf", "minus inf", "nan", "smallest", "largest", "mixed", "steps"):
        assert _field(read, name, "value") == _field(written, name, "value")
    assert _field(read, "inf", "value") == ["inf"]
    assert _field(read, "minus inf", "value") == ["-inf"]
    assert _field(read, "nan", "value") == ["nan"]
    assert _field(read, "steps", "step") == list(EXOTIC_STEPS)


def _field(answers: dict[str, Any], key: str, field: str) -> list[Any]:
    """One field of every point of a history that was read."""
    return [point[field] for point in answers[f"read history of {key}"]["answer"]["items"]]


EXOTIC_STEPS = (-(2**63), -(2**53) - 1, -1, 0, 2**53 + 1, 2**63 - 1)


def test_every_other_wording_is_still_other(mlflow: Server, runebook: Server) -> None:
    pairs = [(mlflow.converse(one).by_question, runebook.converse(one).by_question) for one in RELEASES]

    assert not needless_wordings(pairs, CLIENT_WORDINGS)


def test_mlflow_itself_answers_every_question(mlflow: Server, release: MlflowRelease) -> None:
    answers = mlflow.converse(release).by_question
    broken = {name: answer for name, answer in answers.items() if name.endswith("broke off") and answer is not None}

    assert not broken
    assert set(CLIENT_DEVIATIONS) <= {name for one in RELEASES for name in mlflow.converse(one).by_question}


def test_the_conversation_uses_every_function_of_the_client(mlflow: Server, release: MlflowRelease) -> None:
    command = [str(ensure(release.environment)), "-W", "ignore", "-c", LIST_SURFACE]
    environment = environment_of(os.environ)
    listed = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)
    answers = mlflow.converse(release)

    unused = {name for name in listed["client"] if not OTHER_CLIENT_METHODS.fullmatch(name)} - answers.client_calls
    assert not unused, "methods of MlflowClient that are not asked"
    unused = {name for name in listed["fluent"] if not OTHER_FLUENT_FUNCTIONS.fullmatch(name)} - answers.fluent_calls
    assert not unused, "fluent functions that are not asked"
