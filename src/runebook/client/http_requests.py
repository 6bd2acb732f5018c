"""Operations as HTTP requests."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from runebook.api import codec, compression
from runebook.api.operation import Operation
from runebook.core.ids import new_uuid7

COMPRESSED_BYTES = 1024
"""Binary bodies from this size on are compressed."""


class Request(NamedTuple):
    """What goes over the line, apart from where the server is."""

    verb: str
    target: str
    """Path and query."""
    body: bytes | None = None
    content_type: str = "application/json"
    content_encoding: str | None = None

    def headers(self) -> dict[str, str]:
        """What the server must know of the body."""
        if self.body is None:
            return {}
        encoding = {} if self.content_encoding is None else {"Content-Encoding": self.content_encoding}
        return {"Content-Type": self.content_type, **encoding}


def with_key(operation: Operation) -> Operation:
    """A request for something new, with a key by which the server knows a retry."""
    if getattr(operation, "idempotency_key", None) is not None:
        return operation
    keyed: Operation = msgspec.structs.replace(operation, idempotency_key=new_uuid7())
    return keyed


def as_request(operation: Operation) -> Request:
    """GET with a query, anything else with a JSON body; both without the fields that stand in the path.

    MLflow's servers want a logged model's id in the body of a PATCH and POST too, so it is sent in both places there.
    """
    spec = type(operation).spec
    fields = spec.path_fields
    path = spec.routes[0]
    for name in fields:
        path = path.replace(f"{{{name}}}", quote(str(getattr(operation, name)), safe=""))
    verb = spec.verbs[0]
    if verb == "GET":
        pairs = codec.query_pairs(operation, without=fields)
        pairs += [(alias, value) for name, value in pairs for alias, real in spec.aliases.items() if real == name]
        return Request(verb, f"{path}?{urlencode(pairs)}" if pairs else path)
    if spec.binary:
        return _binary_request(verb, path, codec.encode_binary_request(operation))
    return Request(verb, path, codec.encode_request(operation))


def _binary_request(verb: str, path: str, body: bytes) -> Request:
    if len(body) < COMPRESSED_BYTES:
        return Request(verb, path, body, "application/msgpack")
    return Request(verb, path, compression.compress(body), "application/msgpack", compression.ENCODING)
