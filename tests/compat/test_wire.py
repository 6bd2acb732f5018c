"""Plain HTTP, good and bad, against Runebook on every store, must be answered as a real MLflow server answers it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from .comparison import differences, needless_wordings
from .conftest import Server
from .scenarios.normalize import Placeholders
from .wire import TOPICS
from .wire.speaker import Wire
from .wire_deviations import WIRE_DEVIATIONS, follows_a_rule
from .wire_wordings import WIRE_WORDINGS

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("compat")]


@cache
def _answers(address: str, prefix: str) -> dict[str, Any]:
    label = f"wire {prefix}"
    placeholders = Placeholders({address: "<server>", label: "<label>", f"/{prefix}/": "/<api>/"})
    with Wire(address, prefix, label, placeholders) as wire:
        found: dict[str, Any] = {}
        for topic in TOPICS:
            topic.ask(wire)
            name = topic.__name__.rpartition(".")[2]
            found |= {f"{name}: {question}": answer for question, answer in wire.answers.items()}
            wire.answers.clear()
    return found


@pytest.mark.parametrize("prefix", ["api", "ajax-api"])
def test_every_answer_is_mlflows_or_a_listed_deviation(mlflow: Server, runebook: Server, prefix: str) -> None:
    expected = _answers(mlflow.address, prefix)
    answered = _answers(runebook.address, prefix)
    ruled = {
        question
        for question in expected.keys() & answered.keys()
        if follows_a_rule(question, expected[question], answered[question])
    }

    found = differences(
        {question: answer for question, answer in expected.items() if question not in ruled},
        {question: answer for question, answer in answered.items() if question not in ruled},
        WIRE_DEVIATIONS,
    )

    assert not found, f"{len(found)} answers differ from MLflow's:\n" + "\n".join(found)


@pytest.mark.parametrize("prefix", ["api", "ajax-api"])
def test_no_request_is_answered_with_a_server_error(runebook: Server, prefix: str) -> None:
    answers = _answers(runebook.address, prefix)

    assert not {
        name: answer for name, answer in answers.items() if isinstance(answer, dict) and answer.get("status", 0) >= 500
    }


def test_every_other_wording_is_still_other(mlflow: Server, runebook: Server) -> None:
    pairs = [(_answers(mlflow.address, prefix), _answers(runebook.address, prefix)) for prefix in ("api", "ajax-api")]

    assert not needless_wordings(pairs, WIRE_WORDINGS)


def test_every_listed_deviation_is_asked(mlflow: Server) -> None:
    assert set(WIRE_DEVIATIONS) <= set(_answers(mlflow.address, "api"))
