"""Sets Runebook's answers beside MLflow's. Whatever differs must stand in a table of deviations, with its reason."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Deviation:
    """Where Runebook answers otherwise on purpose.

    Args:
        reason: why.
        expected: Runebook's answer, made from MLflow's.
    """

    reason: str
    expected: Callable[[Any], Any]


def instead(answer: Any) -> Callable[[Any], Any]:
    """Quite another answer."""
    return lambda _: answer


def at(*path: str | int, value: Any) -> Callable[[Any], Any]:
    """MLflow's answer but for the value at one place."""

    def change(answer: Any) -> Any:
        changed = copy.deepcopy(answer)
        inner = changed
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        return changed

    return change


def both(*changes: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """One change after the other."""

    def change(answer: Any) -> Any:
        for one in changes:
            answer = one(answer)
        return answer

    return change


def refused(code: str, error: str = "RestException") -> Callable[[Any], Any]:
    """An error of this code, in Runebook's own words."""
    return instead({"error": error, "error_code": code})


def answered(status: int, code: str) -> Callable[[Any], Any]:
    """An HTTP error of this status and code, in Runebook's own words."""
    return instead({"status": status, "error_code": code})


def without(*path: str | int) -> Callable[[Any], Any]:
    """MLflow's answer without the field at one place."""

    def change(answer: Any) -> Any:
        changed = copy.deepcopy(answer)
        inner = changed
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        return changed

    return change


def same_error(answer: Any) -> Any:
    """The error that MLflow answers, in Runebook's own words."""
    return {key: value for key, value in answer.items() if key != "message"}


def worded(reason: str) -> Deviation:
    return Deviation(reason, same_error)


def needless_wordings(
    conversations: list[tuple[Mapping[str, Any], Mapping[str, Any]]], wordings: Iterable[str]
) -> set[str]:
    """Questions listed as worded otherwise that MLflow and Runebook answer in the same words in every conversation."""
    return {
        name for name in wordings if all(mlflow.get(name) == runebook.get(name) for mlflow, runebook in conversations)
    }


def differences(
    mlflow: Mapping[str, Any], runebook: Mapping[str, Any], deviations: Mapping[str, Deviation]
) -> list[str]:
    """Every question on which the answers do not agree, with both answers; none if all is as it should be."""
    found = [f"{name}: answered by one alone" for name in sorted(set(mlflow) ^ set(runebook))]
    for name in sorted(set(mlflow) & set(runebook)):
        found += _difference(name, mlflow[name], runebook[name], deviations.get(name))
    return found


def _difference(name: str, mlflow: Any, runebook: Any, deviation: Deviation | None) -> list[str]:
    if deviation is None:
        return [] if mlflow == runebook else [_told(name, mlflow, runebook, "MLflow")]
    expected = deviation.expected(mlflow)
    if expected == mlflow:
        return [f"{name}: is listed as a deviation, but MLflow answers just that: {_short(mlflow)}"]
    free_words = isinstance(expected, dict) and "error_code" in expected and "message" not in expected
    seen = same_error(runebook) if free_words and isinstance(runebook, dict) else runebook
    return [] if seen == expected else [_told(name, expected, runebook, "deviation")]


def _told(name: str, expected: Any, runebook: Any, source: str) -> str:
    paths = _paths(expected, runebook, "")
    if len(paths) < 6:
        return f"{name}:" + "".join(f"\n    {path}" for path in paths).replace("<expected>", source)
    return f"{name}:\n    {source}: {_short(expected)}\n    Runebook: {_short(runebook)}"


def _paths(expected: Any, runebook: Any, path: str) -> list[str]:
    """Where two structures differ."""
    if isinstance(expected, dict) and isinstance(runebook, dict):
        keys = sorted(set(expected) | set(runebook))
        pairs = [(expected.get(key, _ABSENT), runebook.get(key, _ABSENT), f"{path}.{key}") for key in keys]
    elif isinstance(expected, list) and isinstance(runebook, list) and len(expected) == len(runebook):
        pairs = [
            (left, right, f"{path}[{index}]")
            for index, (left, right) in enumerate(zip(expected, runebook, strict=True))
        ]
    elif expected == runebook:
        return []
    else:
        return [f"{path or 'answer'}: <expected>: {_short(expected)}  Runebook: {_short(runebook)}"]
    return [found for left, right, inner in pairs for found in _paths(left, right, inner)]


_ABSENT = "(absent)"


def _short(answer: Any) -> str:
    text = json.dumps(answer, ensure_ascii=False, sort_keys=True)
    return text if len(text) < 600 else text[:600] + "..."
