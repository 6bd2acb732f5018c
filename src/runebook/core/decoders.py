"""Decoders of records, each made once, and by one thread at a time.

msgspec notes at a class what it found out about it before it has found out all; a thread that decodes by such a note
crashes the process. So every type that is decoded passes here first.
"""

from __future__ import annotations

from threading import RLock
from typing import Any

import msgspec

_making = RLock()
_json: dict[tuple[Any, bool], msgspec.json.Decoder[Any]] = {}
_messagepack: dict[tuple[Any, bool], msgspec.msgpack.Decoder[Any]] = {}


def json_decoder(kind: Any, *, strict: bool = True) -> msgspec.json.Decoder[Any]:
    """The decoder of a type. `strict` is msgspec's: without it a number may be written as a text."""
    decoder = _json.get((kind, strict))
    if decoder is None:
        with _making:
            decoder = _json[kind, strict] = msgspec.json.Decoder(kind, strict=strict)
    return decoder


def messagepack_decoder(kind: Any, *, strict: bool = True) -> msgspec.msgpack.Decoder[Any]:
    """As `json_decoder`."""
    decoder = _messagepack.get((kind, strict))
    if decoder is None:
        with _making:
            decoder = _messagepack[kind, strict] = msgspec.msgpack.Decoder(kind, strict=strict)
    return decoder
