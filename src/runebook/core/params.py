"""Params: the settings of a run, each written once."""

from __future__ import annotations

from runebook.core.records import Record


class Param(Record):
    """One setting; its value never changes."""

    key: str
    value: str
