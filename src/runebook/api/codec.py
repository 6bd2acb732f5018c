"""Operations and replies as JSON, as MessagePack and as query strings, with MLflow's conventions and error messages.

Doubles that are not finite travel as the strings "NaN", "Infinity" and "-Infinity"; 64-bit integers are written as
numbers and also read from decimal strings; a field may be written in snake_case or in camelCase; null means absent;
unknown fields are ignored. Unlike MLflow, a value of the wrong type is an error that names the field.

In MessagePack, which only some operations take, doubles are doubles and columns are binary; all else is as in JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args

import msgspec
import msgspec.inspect
from msgspec import DecodeError, ValidationError

from runebook.api.histories import encode_history
from runebook.api.operation import Operation
from runebook.api.wire import normalize
from runebook.core.checks import SEE_DOCS, invalid, missing
from runebook.core.decoders import json_decoder, messagepack_decoder
from runebook.core.errors import InvalidParameterValue
from runebook.core.histories import History

OperationT = TypeVar("OperationT", bound=Operation)

_CAMEL_KEY = re.compile(rb'"[a-z]+(?:[A-Z][a-z0-9]*)+"\s*:')
_FIELD_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_PLACE = msgspec.Raw(b"[...]")
_NULL = re.compile(rb"[:,\[]null[,\]}]")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]+)`")

_encoder = msgspec.json.Encoder()
_binary_encoder = msgspec.msgpack.Encoder()


def decode_request(
    operation: type[OperationT], body: bytes, path_values: Mapping[str, str] | None = None
) -> OperationT:
    """The request that a JSON body and the fields in its path hold; what both hold must be equal.

    Raises:
        InvalidParameterValue: names the field and what is wrong with it, in MLflow's words.
    """
    if body and not path_values and not _CAMEL_KEY.search(body):
        try:
            request: OperationT = json_decoder(operation, strict=False).decode(body)
        except (DecodeError, UnicodeDecodeError):
            pass  # read again below, slowly, for aliases, nulls and the words of the error
        else:
            return _check_required_texts(request)
    raw = _parse_object(body)
    for name, value in (path_values or {}).items():
        if raw.get(name) is not None and raw[name] != value:
            raise invalid(raw[name], name, f"The path of the request says {value!r}. Leave it out of the body.")
        raw[name] = value
    return from_fields(operation, raw)


def decode_binary_request(operation: type[OperationT], body: bytes) -> OperationT:
    """The request that a MessagePack body holds.

    Raises:
        InvalidParameterValue: as `decode_request`.
    """
    try:
        request: OperationT = messagepack_decoder(operation, strict=False).decode(body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return from_fields(operation, _parse_map(body))  # read again, slowly, for aliases, nulls and words of the error
    return _check_required_texts(request)


def decode_query(
    operation: type[OperationT], pairs: Iterable[tuple[str, str]], path_values: Mapping[str, str] | None = None
) -> OperationT:
    """The request that a query string holds; a list field takes every pair of its name, others the last.

    Raises:
        InvalidParameterValue: as `decode_request`.
    """
    raw: dict[str, Any] = {}
    for name, value in pairs:
        raw.setdefault(name, []).append(value)
    lists = _list_fields(operation)
    aliases = operation.spec.aliases
    fields: dict[str, Any] = {
        name: values if aliases.get(name, name) in lists else values[-1] for name, values in raw.items()
    }
    fields.update(path_values or {})
    return from_fields(operation, fields)


def from_fields(operation: type[OperationT], raw: dict[str, Any]) -> OperationT:
    """The request of decoded JSON, or of texts from a query string."""
    json_decoder(operation, strict=False)  # so that what `convert` looks up about the type is there
    fields = normalize(operation, raw, operation.spec.aliases)
    try:
        request = msgspec.convert(fields, operation, strict=False)
    except ValidationError as error:
        raise _explain(error, fields) from None
    return _check_required_texts(request)


def encode_request(request: Operation, *, without: Iterable[str] = ()) -> bytes:
    """The JSON body of a request, without the fields that stand in its path."""
    if without:
        fields = msgspec.to_builtins(request)
        for name in without:
            fields.pop(name, None)
        return _encode(fields)
    return _encode(request)


def encode_binary_request(request: Operation) -> bytes:
    """The MessagePack body of a request whose operation takes one."""
    return _binary_encoder.encode(request)


def query_pairs(request: Operation, *, without: Iterable[str] = ()) -> list[tuple[str, str]]:
    """A request as the pairs of a query string, without the fields that stand in its path."""
    left_out = set(without)
    pairs: list[tuple[str, str]] = []
    for name, value in msgspec.to_builtins(request).items():
        if name not in left_out:
            pairs.extend((name, _query_text(item)) for item in (value if isinstance(value, list) else [value]))
    return pairs


def encode_reply(reply: msgspec.Struct) -> bytes:
    """The JSON of a reply. A history in it is put together with the rest in one copy, as it may be very long."""
    metrics = getattr(reply, "metrics", None)
    if not isinstance(metrics, History):
        return _encode(reply)
    before, _, behind = _encode(msgspec.structs.replace(reply, metrics=_PLACE)).partition(bytes(_PLACE))
    return b"".join((before, *encode_history(metrics), behind))


def decode_reply(operation: type[Operation], body: bytes) -> Any:
    """The reply that a server sent.

    Raises:
        ValidationError: the server answers something else; `DecodeError`, its base, when it is no JSON.
    """
    return json_decoder(operation.Reply, strict=False).decode(body)


def _encode(value: Any) -> bytes:
    """JSON. Absent fields are left out of records, so a null can only be a double that is not finite (or in a text)."""
    data = _encoder.encode(value)
    if b"null" in data and _NULL.search(data):
        return _encoder.encode(_spell_doubles(msgspec.to_builtins(value)))
    return data


def _spell_doubles(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _spell_doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_spell_doubles(item) for item in value]
    return value


def _query_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        raw = msgspec.json.decode(body) if body else {}
        if isinstance(raw, str):  # some clients encode the body twice
            raw = msgspec.json.decode(raw)
    except (DecodeError, UnicodeDecodeError) as error:
        raise InvalidParameterValue(f"The request body is not valid JSON: {error}. Send one JSON object.") from None
    except RecursionError:
        raise InvalidParameterValue("The request body is nested too deeply. Send one flat JSON object.") from None
    if not isinstance(raw, dict):
        raise InvalidParameterValue(f"The request body must be a JSON object, got {_json_type(raw)}.")
    return raw


def _parse_map(body: bytes) -> dict[str, Any]:
    try:
        raw = msgspec.msgpack.decode(body)
    except (DecodeError, UnicodeDecodeError, TypeError) as error:  # TypeError: a map has an array or a map as its key
        raise InvalidParameterValue(f"The request body is not valid MessagePack: {error}. Send one map.") from None
    except RecursionError:
        raise InvalidParameterValue("The request body is nested too deeply. Send one flat map.") from None
    if not isinstance(raw, dict) or not all(isinstance(name, str) for name in raw):
        raise InvalidParameterValue("The request body must be one MessagePack map of names.")
    return raw


@cache
def _list_fields(operation: type[Operation]) -> frozenset[str]:
    described = msgspec.inspect.type_info(operation)
    assert isinstance(described, msgspec.inspect.StructType)
    return frozenset(field.name for field in described.fields if isinstance(field.type, msgspec.inspect.ListType))


def _check_required_texts(request: OperationT) -> OperationT:
    """An empty text in a required field counts as missing, as in MLflow's protocol."""
    for name in _required_texts(type(request)):
        if getattr(request, name) == "":
            raise missing(name)
    return request


def check_texts(request: Operation) -> None:
    """Hold a request that was made in this process to what decoding would have said of its texts.

    Raises:
        InvalidParameterValue: names the field that is missing, or holds something else.
    """
    for name, is_required in _texts(type(request)):
        value = getattr(request, name)
        if isinstance(value, str):
            continue
        if value is not None:
            raise invalid(value, name, f"Expected a text, got {type(value).__name__}.")
        if is_required:
            raise missing(name)


@cache
def _texts(operation: type[Operation]) -> tuple[tuple[str, bool], ...]:
    """The fields that hold a text, and whether they must."""
    fields = msgspec.structs.fields(operation)
    return tuple((field.name, _is_text(field.type)) for field in fields if _may_be_text(field.type))


@cache
def _required_texts(operation: type[Operation]) -> tuple[str, ...]:
    """The names of the fields that must hold a text which is not empty."""
    return tuple(field.name for field in msgspec.structs.fields(operation) if field.required and _is_text(field.type))


def _may_be_text(kind: Any) -> bool:
    """A text, or a text or None."""
    choices = get_args(kind)
    return _is_text(kind) or (NoneType in choices and all(_is_text(one) or one is NoneType for one in choices))


def _is_text(kind: Any) -> bool:
    return kind is str or getattr(kind, "__supertype__", None) is str


def _explain(error: ValidationError, fields: Any) -> InvalidParameterValue:
    """A decoding error in MLflow's words, with the path of the field and the value that is there."""
    text = str(error)
    found = _FIELD_PATH.search(text)
    path = found["path"] if found else ""
    reason = text[: found.start()] if found else text
    absent = _MISSING.search(reason)
    if absent:
        return missing(f"{path}.{absent['name']}" if path else absent["name"])
    known, value = _value_at(fields, path)
    if not known:
        return InvalidParameterValue(f"Invalid value for parameter '{path}' supplied: {reason}. {SEE_DOCS}")
    if value is None and "got `null`" in reason:
        return missing(path)
    shown = json.dumps(value, default=str)
    if len(shown) > 500:
        shown = shown[:500] + "..."
    return InvalidParameterValue(
        f"Invalid value {shown} for parameter '{path}' supplied: {reason}. "
        f"Hint: Value was of type '{type(value).__name__}'. {SEE_DOCS}"
    )


def _value_at(fields: Any, path: str) -> tuple[bool, Any]:
    value = fields
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return False, None
    return True, value


def _json_type(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), "something else")
