"""For every field of every operation: a value that is right, and those that are wrong, by looking at its type."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec import inspect

from runebook.api.operation import Operation
from runebook.core.limits import MAX_DATASET_PROFILE_LENGTH, MAX_DATASET_SCHEMA_LENGTH

TWO_63 = 2**63
TOO_LONG = "x" * 70_000
NO_TEXT: tuple[Any, ...] = (5, 1.5, True, [], ["x"], {}, {"a": 1})
NO_INT: tuple[Any, ...] = ("abc", "", "1.5", 1.5, [], {}, "NaN", "Infinity", math.nan, math.inf, -math.inf)
NO_FLOAT: tuple[Any, ...] = ("abc", "", [], [1.0], {}, math.nan, math.inf, -math.inf)
NO_BOOL: tuple[Any, ...] = ("maybe", 7, [], {}, 0.5)
NO_BYTES: tuple[Any, ...] = (5, 1.5, True, [], {}, "no base64!", "AAAA", "AAAAAAAAAA")
NO_LIST: tuple[Any, ...] = ("x", 5, True, {"a": 1})
NO_STRUCT: tuple[Any, ...] = ("x", 5, True, [], [5])
HOSTILE_PATHS = ("../x", "%2e%2e/x", "%252e%252e/x", "/etc/passwd", "..\\x", "C:/x")
PATHS = {"path", "artifact_directory_path"}
KEYS = {"key"}
LENGTHS = {"schema": MAX_DATASET_SCHEMA_LENGTH + 1, "profile": MAX_DATASET_PROFILE_LENGTH + 1}
LONG = {"value", "filter", "source", "order_by", *LENGTHS}
UNBOUNDED = {"page_token": "an own format", "model_json": "JSON, refused as such"}

NOT_OF_FOLDERS = {"CreateMultipartUpload", "CompleteMultipartUpload", "AbortMultipartUpload", "GetSignedServedArtifact"}
"""Operations that a server on a folder refuses with NOT_IMPLEMENTED when the request is right."""


_RIGHT = {
    inspect.StrType: "text",
    inspect.IntType: 1,
    inspect.FloatType: 0.5,
    inspect.BoolType: True,
    inspect.BytesType: "AQAAAAAAAAA=",  # one number of 8 bytes
}


class Case(NamedTuple):
    """A field, how it is wrong, and the request's fields with it."""

    field: str
    wrong: str
    fields: dict[str, Any]

    @property
    def label(self) -> str:
        return f"{self.field}: {self.wrong}"


class Absent:
    """Stands for a field that is left out."""


ABSENT = Absent()


def cases(operation: type[Operation], right: dict[str, Any]) -> Iterator[Case]:
    """Requests that differ from a right one in one place, where they are wrong."""
    described = inspect.type_info(operation)
    assert isinstance(described, inspect.StructType)
    base = {
        field.name: right_value(operation, field, right)
        for field in described.fields
        if field.required or field.name in operation.spec.path_fields
    }
    for field in described.fields:
        if field.name in operation.spec.path_fields:
            continue
        correct = right_value(operation, field, right)
        for wrong, value in wrong_values(field, correct, right):
            fields = {name: other for name, other in base.items() if name != field.name}
            if value is not ABSENT:
                fields[field.name] = value
            yield Case(field.name, wrong, fields)


def right_value(operation: type[Operation], field: inspect.Field, right: dict[str, Any]) -> Any:
    """A value that the operation takes."""
    named = right.get(f"{operation.__name__}.{field.name}", right.get(field.name))
    return _right(_inner(field.type), right) if named is None else named


def wrong_values(field: inspect.Field, correct: Any, right: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What must be refused in place of a field's right value, and a word for each."""
    if field.required:
        yield "missing", ABSENT
        yield "null", None
    yield from _wrong(field.encode_name, _inner(field.type), correct, right)


def _wrong(name: str, kind: inspect.Type, correct: Any, right: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(kind, inspect.StrType):
        yield from _wrong_texts(name)
    elif isinstance(kind, inspect.IntType):
        yield from (("no integer", value) for value in NO_INT)
        yield from (("out of range", value) for value in (TWO_63, -TWO_63 - 1, 2**64, 1e300, str(TWO_63)))
        if kind.ge == 0:
            yield "negative", -1
    elif isinstance(kind, inspect.FloatType):
        yield from (("no number", value) for value in NO_FLOAT)
    elif isinstance(kind, inspect.BytesType):
        yield from (("no column of bytes", value) for value in NO_BYTES)
    elif isinstance(kind, inspect.BoolType):
        yield from (("no boolean", value) for value in NO_BOOL)
    elif isinstance(kind, inspect.EnumType):
        yield from (("no choice", value) for value in ("BOGUS", "", 99, -1, TWO_63, 1.5, [], {}))
    elif isinstance(kind, inspect.ListType):
        yield from (("no list", value) for value in NO_LIST)
        inner = _inner(kind.item_type)
        item = correct[0] if correct else _right(inner, right)
        yield "null item", [item, None]
        yield from ((f"item {wrong}", [item, value]) for wrong, value in _wrong(name, inner, item, right))
    elif isinstance(kind, inspect.StructType):
        yield from (("no object", value) for value in NO_STRUCT)
        yield from _wrong_inside(kind, correct, right)


def _wrong_texts(name: str) -> Iterator[tuple[str, Any]]:
    yield from (("no text", value) for value in NO_TEXT)
    yield "NUL", "a\0b"
    if name not in UNBOUNDED:
        yield "too long", "x" * LENGTHS[name] if name in LENGTHS else TOO_LONG
        if name not in LONG:
            yield "too long", "x" * 5000
    if name in PATHS:
        yield from (("hostile path", path) for path in HOSTILE_PATHS)
    if name == "artifact_location":
        yield from (("hostile location", uri) for uri in ("s3://b/../x", "http://h/x", "file://h/x", "/a/%2e%2e/b"))
    if name in KEYS:
        yield from (("hostile key", key) for key in ("../x", "/x", "a//b", "a/../b", "x" * 251))


def _wrong_inside(kind: inspect.StructType, correct: Any, right: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for field in kind.fields:
        inner = correct.get(field.name, _right(_inner(field.type), right))
        for wrong, value in wrong_values(field, inner, right):
            changed = {name: other for name, other in correct.items() if name != field.name}
            if value is not ABSENT:
                changed[field.name] = value
            yield f"{field.name} {wrong}", changed


def _inner(kind: inspect.Type) -> inspect.Type:
    """The type without its null."""
    if isinstance(kind, inspect.Metadata):
        return _inner(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _inner(next(choice for choice in kind.types if not isinstance(choice, inspect.NoneType)))
    return kind


def _right(kind: inspect.Type, right: dict[str, Any]) -> Any:
    if isinstance(kind, inspect.StructType):
        return {
            field.name: right.get(f"{kind.cls.__name__}.{field.name}", _right(_inner(field.type), right))
            for field in kind.fields
            if field.required
        }
    if isinstance(kind, inspect.ListType):
        return [_right(_inner(kind.item_type), right)]
    if isinstance(kind, inspect.EnumType):
        return list(kind.cls)[-1].value
    return _RIGHT[type(kind)]
