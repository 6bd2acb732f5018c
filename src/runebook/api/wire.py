"""What MLflow's clients may write in more ways than one, brought to the one way that records declare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import cache, lru_cache
from typing import Any

from msgspec import inspect

from runebook.core.errors import InvalidParameterValue


def normalize(kind: type, raw: dict[str, Any], aliases: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The fields of a struct under their own names: aliases and camelCase resolved, nulls dropped, enums by name.

    Raises:
        InvalidParameterValue: a field is there under two names with different values.
    """
    described = inspect.type_info(kind)
    if not isinstance(described, inspect.StructType):
        raise TypeError(f"{kind} is no struct")
    return _struct(described, raw, aliases or {}, path="")


def _struct(
    described: inspect.StructType, raw: dict[Any, Any], aliases: Mapping[str, str], path: str
) -> dict[str, Any]:
    kinds = _field_kinds(described.cls)
    fields: dict[str, Any] = {}
    written_as: dict[str, str] = {}
    for written, value in raw.items():
        if not isinstance(written, str):
            continue  # MessagePack lets keys be anything
        name = written if written in kinds else aliases.get(written) or _snake_case(written)
        if name not in kinds:
            continue  # unknown fields are ignored, so that newer clients work
        if name in written_as and not _is_alias(name, aliases, written, written_as[name]):
            first, second = sorted((written_as[name], written), key=lambda spelling: spelling != name)
            raise InvalidParameterValue(f"Request specifies both '{first}' and '{second}'; provide only one of them.")
        if value is None and (not kinds[name][0] or name in fields):
            continue
        if fields.get(name) is None or written == name:
            written_as[name] = written
            fields[name] = _value(kinds[name][1], value, f"{path}{name}")
    return fields


def _is_alias(name: str, aliases: Mapping[str, str], written: str, before: str) -> bool:
    """`run_uuid` beside `run_id` is how old and new clients are served by one request: `run_id` counts."""
    return aliases.get(written) == name or aliases.get(before) == name


def _value(described: inspect.Type, value: Any, path: str) -> Any:
    if isinstance(described, inspect.UnionType):
        inner = [kind for kind in described.types if not isinstance(kind, inspect.NoneType)]
        return _value(inner[0], value, path) if len(inner) == 1 else value
    if isinstance(described, inspect.Metadata):
        return _value(described.type, value, path)
    if isinstance(described, inspect.StructType) and isinstance(value, dict):
        return _struct(described, value, {}, f"{path}.")
    if isinstance(described, inspect.ListType) and isinstance(value, list):
        return [_value(described.item_type, item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(described, inspect.EnumType):
        return _enum_name(described.cls, value)
    return value


def _enum_name(kind: type[Enum], value: Any) -> Any:
    """Enums are written by name, or by the number that they have in MLflow's protocol."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    first = 0 if next(iter(kind)).name == "UNSPECIFIED" else 1
    members = list(kind)
    return members[value - first].value if 0 <= value - first < len(members) else value


@cache
def _field_kinds(kind: type) -> dict[str, tuple[bool, inspect.Type]]:
    """Of each field by name: whether it is required, and its type."""
    described = inspect.type_info(kind)
    if not isinstance(described, inspect.StructType):
        raise TypeError(f"{kind} is no struct")
    return {field.name: (field.required, field.type) for field in described.fields}


@lru_cache(maxsize=4096)
def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)
