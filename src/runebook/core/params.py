"""Params: the settings of a run, each written once."""

from __future__ import annotations

from runebook.core.errors import InvalidParameterValue
from runebook.core.records import Record


class Param(Record):
    """One setting; its value never changes."""

    key: str
    value: str


def param_conflict(param: Param, value: str, run_id: str) -> InvalidParameterValue:
    """The error of a param that is there with another value."""
    return InvalidParameterValue(
        f"Changing param values is not allowed. Param with key='{param.key}' was already logged with"
        f" value='{value}' for run ID='{run_id}'. Attempted logging new value '{param.value}'."
    )
