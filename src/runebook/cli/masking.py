"""Hiding what others must not read in what the command line prints."""

from __future__ import annotations

import re

MASK = "***"

_SECRET_NAME = re.compile(r"PASSWORD|TOKEN|SECRET|CREDENTIAL|(?:API|ACCESS|PRIVATE)_?KEY|AUTH")
_CREDENTIALS = re.compile(r"(?<=://)([^/\s:@]*):\S*@")
_SECRET_QUERY = re.compile(r"(?i)([?&][^=&]*(?:password|token|secret|signature|key)[^=&]*=)[^&]*")


def masked_variable(name: str, value: str) -> str:
    """The value of a variable, hidden when its name says that it is a secret."""
    return MASK if _SECRET_NAME.search(name) else masked_uri(value)


def masked_uri(text: str) -> str:
    """The text without the passwords of URIs in it; `@` may be part of a password."""
    return _SECRET_QUERY.sub(rf"\1{MASK}", _CREDENTIALS.sub(rf"\1:{MASK}@", text))
