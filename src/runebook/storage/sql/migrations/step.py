"""What a migration is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from runebook.storage.sql.dialects import Dialect


class Step(NamedTuple):
    """From the version before to `version`, in statements.

    A step adds; it never renames or drops what the release before uses, so that a running older server survives it.
    (Step 2 does, as there was no release before it.)
    Where DDL is not transactional a step that was cut off is run again whole: its statements bear that (IF NOT EXISTS).
    """

    version: int
    name: str
    summary: str
    statements: Callable[[Dialect], list[str]]
