"""Asks a client question after question and notes every answer, an error being one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from normalize import Placeholders, plain


class Traced:
    """Stands before a client or module and notes which of its functions are called."""

    def __init__(self, target: Any, called: set[str]) -> None:
        self._target = target
        self._called = called

    def __getattr__(self, name: str) -> Any:
        self._called.add(name)
        return getattr(self._target, name)


class Recorder:
    """The answers of one scenario, by the name of the question."""

    def __init__(self, literals: Mapping[str, str]) -> None:
        self.answers: dict[str, Any] = {}
        self.client_calls: set[str] = set()
        self.fluent_calls: set[str] = set()
        self.placeholders = Placeholders(literals)

    def ask(self, question: str, call: Callable[..., Any], *args: Any, field: str = "", **kwargs: Any) -> Any:
        """Call, note the answer under the question, and return it; None after an error.

        Args:
            question: the answer's name, unique in the scenario.
            call: what to call.
            args: its arguments.
            field: what a bare string is, such as `experiment_id`, for its placeholder.
            kwargs: its named arguments.
        """
        try:
            result = call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # whatever the client raises is its answer
            self.note(question, _described(error))
            return None
        self.note(question, {"answer": {field: plain(result)} if field else plain(result)})
        return result

    def note(self, question: str, answer: Any) -> None:
        if question in self.answers:
            raise ValueError(f"asked twice: {question}")
        self.answers[question] = self.placeholders.stable(answer)

    def create_experiment(self, question: str, create: Callable[..., str], name: str, **kwargs: Any) -> str:
        """Create an experiment that later questions need; its id is known as `<experiment NAME>` from now on."""
        experiment_id = create(name, **kwargs)
        self.placeholders.experiment(experiment_id, name)
        self.note(question, {"answer": {"experiment_id": experiment_id}})
        time.sleep(0.003)  # the next one is created at a later millisecond, so that the default order is certain
        return experiment_id

    def save(self, path: Path) -> None:
        found = {
            "answers": self.answers,
            "client_calls": sorted(self.client_calls),
            "fluent_calls": sorted(self.fluent_calls),
        }
        path.write_text(json.dumps(found, indent=1, sort_keys=True), encoding="utf-8")


def _described(error: Exception) -> dict[str, Any]:
    code = getattr(error, "error_code", None)
    return {"error": type(error).__name__, "error_code": code, "message": getattr(error, "message", str(error))}
