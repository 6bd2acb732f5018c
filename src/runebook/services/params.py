"""Use cases of params."""

from __future__ import annotations

from runebook.api.operation import Nothing
from runebook.api.params import LogParam
from runebook.services.context import Context
from runebook.services.frames import log_one
from runebook.services.handlers import handles
from runebook.storage.base import Transaction


@handles(LogParam)
def log_param(tx: Transaction, request: LogParam, context: Context) -> Nothing:
    return log_one(tx, request, context)
