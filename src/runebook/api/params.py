"""Operations on params."""

from __future__ import annotations

from runebook.api.operation import Nothing, Operation
from runebook.api.permissions import edit
from runebook.api.runs import RUN_ALIAS
from runebook.core.ids import RunId


class LogParam(Operation, verb="POST", path="runs/log-parameter", needs=edit("run_id"), aliases=RUN_ALIAS):
    """Log one param. The same value again is fine; another value is an error."""

    run_id: RunId
    key: str
    value: str = ""

    Reply = Nothing
