"""The OpenAPI 3.1 document of all operations, made from their declarations."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from runebook._version import __version__
from runebook.api import OPERATIONS
from runebook.api.operation import Operation
from runebook.core.records import Record
from runebook.server.bodies import JSON, MESSAGEPACK

PATH = "/api/runebook/v1/openapi.json"

_BINARY = (
    "In MessagePack what is base64 in JSON is binary, and doubles are doubles."
    " Either may be packed with zstd: `Content-Encoding: zstd`."
)
_REF = "#/components/schemas/{name}"
_QUALIFIED_REPLY = re.compile(r"runebook\.api\.\w+\.(\w+)\.Reply")
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
    replies = [operation.Reply for operation in operations]
    references, components = msgspec.json.schema_components([*operations, *replies, Error], ref_template=_REF)
    schemas = _polished(components)
    paths: dict[str, Any] = {}
    for operation, reply in zip(operations, references[len(operations) :], strict=False):
        fields = schemas.pop(operation.__name__)
        for verb in operation.spec.verbs:
            entry = paths.setdefault(_path(operation), {})
            entry[verb.lower()] = _describe(operation, verb, fields, _polished(reply))
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
    parameters = [_parameter("path", field, fields["properties"][field], required=True) for field in spec.path_fields]
    described: dict[str, Any] = {
        "operationId": name,
        "tags": [spec.noun],
        "summary": spec.doc.partition("\n")[0],
        "description": spec.doc,
        "x-permission": spec.needs.level.value,
        "parameters": parameters,
        "responses": {"200": _json("The reply.", reply), "default": _json("Refused.", {"$ref": _ref("Error")})},
    }
    required = [field for field in fields.get("required", []) if field not in spec.path_fields]
    others = {field: schema for field, schema in fields["properties"].items() if field not in spec.path_fields}
    if verb == "GET":
        parameters += [_parameter("query", field, told, required=field in required) for field, told in others.items()]
    elif others:
        schema = {"type": "object", "properties": others, "required": required}
        kinds = (JSON, MESSAGEPACK) if spec.binary else (JSON,)
        described["requestBody"] = {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}
        if spec.binary:
            described["requestBody"]["description"] = _BINARY
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


def _polished(schema: Any) -> Any:
    """Doubles as they are written when they are not finite, and replies named without their modules."""
    if isinstance(schema, list):
        return [_polished(item) for item in schema]
    if isinstance(schema, str):
        return _QUALIFIED_REPLY.sub(r"\1Reply", schema)
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "number":
        return {**{key: value for key, value in schema.items() if key != "type"}, **_DOUBLE}
    return {_polished(key): _polished(value) for key, value in schema.items()}
