"""What a caller may pass for a number, a text or a key, and what is made of it."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from runebook.core.clock import now_ms
from runebook.core.errors import InvalidParameterValue
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.tags import Tag


def metric_value(key: str, value: Any) -> float:
    """A float of a number, or of an array or tensor that holds one (by its `item()`, which also leaves the GPU).

    Raises:
        InvalidParameterValue: anything else, texts that look like numbers included; the message names the key.

    """
    if type(value) is float:
        return value
    if isinstance(value, (str, bytes, bytearray, complex)):
        raise _no_number(key, value, "Convert it with float() if it is one.")
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise _no_number(key, value, f"{error}.") from error


def _no_number(key: str, value: object, hint: str) -> InvalidParameterValue:
    shown = repr(value)
    shown = shown if len(shown) <= 100 else shown[:100] + "..."
    return InvalidParameterValue(
        f"The value of metric {key!r} must be a number, got {shown} of type {type(value).__name__}. {hint}"
    )


def whole_number(name: str, value: Any) -> int:
    """An int of anything that is one, NumPy's included; also of a float without a fraction."""
    try:
        return operator.index(value.item() if hasattr(value, "item") else value)
    except TypeError:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise InvalidParameterValue(f"{name!r} must be a whole number, got {value!r}.") from None


def key_text(key: Any) -> str:
    if isinstance(key, str):
        return str(key)
    raise InvalidParameterValue(f"A key must be a text, got {key!r} of type {type(key).__name__}.")


def make_metric(
    key: Any,
    value: Any,
    timestamp: Any = None,
    step: Any = None,
    model_id: str | None = None,
    dataset_name: str | None = None,
    dataset_digest: str | None = None,
) -> Metric:
    """A point: now, at step 0, unless the caller says otherwise."""
    name = key_text(key)
    return Metric(
        key=name,
        value=metric_value(name, value),
        timestamp=now_ms() if timestamp is None else whole_number("timestamp", timestamp),
        step=0 if step is None else whole_number("step", step),
        model_id=model_id,
        dataset_name=dataset_name,
        dataset_digest=dataset_digest,
    )


def texts(values: Any) -> list[str]:
    """Of one text or number, or of many; a text is never taken for a list of its characters."""
    if values is None:
        return []
    return [str(values)] if isinstance(values, (str, int)) else [str(value) for value in values]


def items_of(name: str, given: Any) -> list[tuple[Any, Any]]:
    """Keys and values of a dict, or of anything that has `items()` as dicts do.

    Raises:
        InvalidParameterValue: it has none.

    """
    try:
        return list(given.items())
    except (AttributeError, TypeError):
        hint = f" Give vars({name})." if hasattr(given, "__dict__") and not isinstance(given, type) else ""
        raise InvalidParameterValue(f"{name!r} must be a dict, got a {type(given).__name__}.{hint}") from None


def path_text(name: str, path: Any) -> str:
    """A path in a store, with `/` between its parts; `pathlib`'s paths are welcome."""
    if isinstance(path, PurePath):
        return path.as_posix()
    if isinstance(path, str):
        return path
    raise InvalidParameterValue(f"{name!r} must be a path, got {path!r} of type {type(path).__name__}.")


def make_params(params: Mapping[str, Any]) -> list[Param]:
    return [Param(key=key_text(key), value=str(value)) for key, value in items_of("params", params)]


def make_tags(tags: Mapping[str, Any] | None) -> list[Tag]:
    given = [] if tags is None else items_of("tags", tags)
    return [Tag(key=key_text(key), value=str(value)) for key, value in given]
