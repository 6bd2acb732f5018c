"""Answers of a client made comparable: ids, times, paths and addresses become placeholders that say what they were."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

_DAY_MS = 86_400_000
_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_RUN_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_TIME_MS = re.compile(r"(?<!\d)1[5-9]\d{11}(?!\d)")
_MISSING_ID = "0123456789abcdef0123456789abcdef"
_RANDOM_NAME = re.compile(r"[a-z]+-[a-z]+-\d{1,4}")
_PRINTED_SET = re.compile(r"\{('[^'{}:]*'(?:, '[^'{}:]*')+)\}")
_DRIVER_ERROR = re.compile(r" Error: \(\w+\.\w+Error\).*", re.DOTALL)
_LONG_TEXT = 400

# An experiment's id is a small number, so it is only looked for where one can stand.
_EXPERIMENT_ID_FIELDS = {"experiment_id", "experiment_ids"}
_EXPERIMENT_TEXT_FIELDS = {"artifact_location", "artifact_uri", "root_uri", "message"}
_EXPERIMENT_IN_TEXT = re.compile(
    r"(?:(?<=/)|(?<=%2F)|(?<=path=)|(?<=\bid=)|(?<=\bexperiment )|(?<=\bid )|(?<=\bID ))\d+(?![\w.])"
    r"|(?<!\w)\d+(?=(?:/|%2F)<)"
)
_UNORDERED_FIELDS = {"tags", "params", "dataset_inputs", "model_inputs", "model_outputs", "dataset_summaries"}
_RANDOM_NAME_FIELDS = {"run_name", "name", "mlflow.runName"}


def plain(value: Any) -> Any:
    """Entities, enums, pages and frames as dicts and lists that JSON can hold."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))}
    if type(value).__name__ == "DataFrame":
        return _frame(value)
    if type(value).__name__ == "PagedList":
        return {"items": [plain(item) for item in value], "more": value.token is not None and value.token != ""}
    if isinstance(value, (set, frozenset)):
        return sorted(str(item) for item in value)
    if type(value).__module__.startswith("mlflow."):
        return _entity(value)
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return repr(value)


def _entity(entity: Any) -> Any:
    """Every public property of an MLflow record, inherited ones too (an ActiveRun has none of its own)."""
    names = {
        name for kind in type(entity).__mro__ for name, member in vars(kind).items() if isinstance(member, property)
    }
    public = sorted(name for name in names if not name.startswith("_"))
    return plain({name: getattr(entity, name) for name in public}) if public else f"<{type(entity).__name__}>"


def _frame(frame: Any) -> Any:
    """A pandas frame, its columns in name order and its rows in their own."""
    columns = sorted(str(column) for column in frame.columns)
    return {"columns": columns, "rows": [{name: _cell(row[name]) for name in columns} for _, row in frame.iterrows()]}


def _cell(cell: Any) -> Any:
    if type(cell).__name__ == "NaTType":
        return None
    if type(cell).__name__ == "Timestamp":
        return round(cell.timestamp() * 1000)
    return plain(cell.item() if hasattr(cell, "item") else cell)


def _in_writing(item: Any) -> str:
    return json.dumps(item, sort_keys=True)


def _sorted_set(printed: re.Match[str]) -> str:
    return "{" + ", ".join(sorted(printed.group(1).split(", "))) + "}"


class Placeholders:
    """Names for what differs from one server and one run to the next.

    A run or model that was seen with its name is called by it; any other is numbered within its answer.
    """

    def __init__(self, literals: Mapping[str, str]) -> None:
        self._literals = dict(literals)
        self._experiments: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._numbers: dict[str, dict[str, str]] = {}

    def experiment(self, experiment_id: str, label: str) -> None:
        self._experiments[experiment_id] = f"<experiment {self._without_literals(label)}>"

    def label(self, some_id: str, kind: str, name: str) -> None:
        if not _RANDOM_NAME.fullmatch(name):
            self._labels.setdefault(some_id, f"<{kind} {self._without_literals(name)}>")

    def stable(self, value: Any) -> Any:
        """The answer with placeholders in place."""
        self._numbers.clear()
        self._learn(value)
        return self._stable(value, "")

    def _learn(self, value: Any) -> None:
        """Take the names of runs and models from the records in an answer."""
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            self._learn(inner)
        if isinstance(value, dict):
            for kind, id_field, name_field in (("run", "run_id", "run_name"), ("model", "model_id", "name")):
                if isinstance(value.get(id_field), str) and isinstance(value.get(name_field), str):
                    self.label(value[id_field], kind, value[name_field])

    def _stable(self, value: Any, field: str) -> Any:
        if isinstance(value, dict):
            return self._stable_record(value, field)
        if isinstance(value, list):
            items = [self._stable(item, field) for item in value]
            return sorted(items, key=_in_writing) if field in _UNORDERED_FIELDS else items
        if isinstance(value, int) and not isinstance(value, bool):
            return "<now>" if abs(value - time.time() * 1000) < _DAY_MS else value
        return self._text(value, field) if isinstance(value, str) else value

    def _stable_record(self, record: dict[str, Any], field: str) -> dict[str, Any]:
        """A record; the value of a pair is known by its key, and the last metrics of a run or model have no order."""
        pair = record.get("key") if record.keys() == {"key", "value"} else None
        stable = {
            self._text(key, field): self._stable(item, str(pair) if pair and key == "value" else key)
            for key, item in record.items()
        }
        if isinstance(stable.get("metrics"), list) and (field == "data" or "model_uri" in stable):
            stable["metrics"] = sorted(stable["metrics"], key=_in_writing)
        return stable

    def _text(self, text: str, field: str) -> str:
        text = _UUID.sub("<uuid>", _COMMIT.sub("<commit>", self._without_literals(text)))
        text = _MODEL_ID.sub(lambda match: self._named("model", match.group()), text)
        text = _RUN_ID.sub(lambda match: self._named("run", match.group()), text)
        text = _TIME_MS.sub("<ms>", text)
        if field == "message":
            # MLflow prints sets of keys in any order, and the database driver's words; neither is its protocol.
            text = _DRIVER_ERROR.sub("", _PRINTED_SET.sub(_sorted_set, text))
        if field in _EXPERIMENT_ID_FIELDS:
            text = self._experiments.get(text, text)
        elif field in _EXPERIMENT_TEXT_FIELDS:
            text = _EXPERIMENT_IN_TEXT.sub(lambda match: self._experiments.get(match.group(), match.group()), text)
        if field in _RANDOM_NAME_FIELDS and _RANDOM_NAME.fullmatch(text):
            return "<random name>"
        if len(text) > _LONG_TEXT:
            return f"{text[:40]}... ({len(text)} characters, sum {sum(map(ord, text))})"
        return text

    def _without_literals(self, text: str) -> str:
        for literal, placeholder in self._literals.items():
            text = text.replace(literal, placeholder)
        return text

    def _named(self, kind: str, found: str) -> str:
        if found.endswith(_MISSING_ID):
            return f"<missing {kind}>"
        numbers = self._numbers.setdefault(kind, {})
        return self._labels.get(found) or numbers.setdefault(found, f"<{kind} {len(numbers) + 1}>")
