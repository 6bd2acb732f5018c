"""The OpenAPI 3.1 document of all operations, made from their declarations."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from runebook._version import __version__
from runebook.api import OPERATIONS
from runebook.api.operation import Operation
from runebook.core.records import Record

PATH = "/api/runebook/v1/openapi.json"

_REF = "#/components/schemas/{name}"
_DOUBLE = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}


class Error(Record):
    """Why a request was refused. Programs go by the code; the message says what to do next."""

    error_code: str
    message: str
    sqlstate: str | None = None
    error_class: str | None = None


def openapi_document(static_prefix: str = "") -> dict[str, Any]:
    """Every operation once, under the path that clients call first."""
    operations = list(OPERATIONS.values())
    requests, components = msgspec.json.schema_components(operations, ref_template=_REF)
    replies, reply_components = msgspec.json.schema_components(
        [*(operation.Reply for operation in operations), Error], ref_template=_REF
    )
    schemas = _with_doubles({**components, **reply_components})
    paths: dict[str, Any] = {}
    for operation, request, reply in zip(operations, requests, replies, strict=False):
        fields = schemas[request["$ref"].rpartition("/")[2]]
        for verb in operation.spec.verbs:
            entry = paths.setdefault(_path(operation), {})
            entry[verb.lower()] = _describe(operation, verb, fields, reply)
    for operation in operations:
        schemas.pop(operation.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Runebook",
            "version": __version__,
            "description": "Operations under /api/2.0 and /api/3.0 are MLflow's, and answer under /ajax-api too.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": static_prefix or "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _describe(operation: type[Operation], verb: str, fields: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    spec = operation.spec
    name = spec.name if verb == spec.verbs[0] else f"{spec.name}By{verb.title()}"
    in_path = [_parameter("path", field, fields["properties"][field], required=True) for field in spec.path_fields]
    described: dict[str, Any] = {
        "operationId": name,
        "tags": [spec.noun],
        "summary": spec.doc.partition("\n")[0],
        "description": spec.doc,
        "x-permission": spec.needs.level.value,
        "parameters": [
            _parameter("path", name, fields["properties"][name], required=True) for name in spec.path_fields
        ],
        "responses": {"200": _json("The reply.", reply), "default": _json("Refused.", {"$ref": _ref("Error")})},
    }
    required = [field for field in fields.get("required", []) if field not in spec.path_fields]
    others = {field: schema for field, schema in fields["properties"].items() if field not in spec.path_fields}
    if verb == "GET":
        in_path += [_parameter("query", field, schema, required=field in required) for field, schema in others.items()]
    elif others:
        schema = {"type": "object", "properties": others, "required": required}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _path(operation: type[Operation]) -> str:
    return re.sub(r"{(\w+):path}", r"{\1}", operation.spec.routes[0])


def _parameter(place: str, name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """A text in a URL cannot be null: an absent parameter is."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    told = choices[0] if len(choices) == 1 else {key: value for key, value in schema.items() if key != "default"}
    return {"in": place, "name": name, "required": required, "schema": told}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> str:
    return _REF.format(name=name)


def _with_doubles(schema: Any) -> Any:
    """A double that is not finite is written as a text."""
    if isinstance(schema, list):
        return [_with_doubles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "number":
        return {**{key: value for key, value in schema.items() if key != "type"}, **_DOUBLE}
    return {key: _with_doubles(value) for key, value in schema.items()}
