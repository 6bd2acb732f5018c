"""What an operation needs of its caller. Who has it is decided in `runebook.services.permissions`."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Level(Enum):
    """How much a caller may do to a thing. PUBLIC needs no caller at all; SIGNED_IN needs any."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    READ = "read"
    EDIT = "edit"
    MANAGE = "manage"


class Permission(NamedTuple):
    """A level, and the field of the request that names the thing (None: the server as a whole).

    A field `run_id`, `run_ids`, `experiment_id`, `experiment_ids`, `experiment_name`, `model_id` or `path`
    names things of that kind; an operation whose request lacks the field does not import.
    """

    level: Level
    field: str | None = None


PUBLIC = Permission(Level.PUBLIC)
SIGNED_IN = Permission(Level.SIGNED_IN)


def read(field: str) -> Permission:
    """Needs to see the thing."""
    return Permission(Level.READ, field)


def edit(field: str) -> Permission:
    """Needs to write into the thing."""
    return Permission(Level.EDIT, field)


def manage(field: str) -> Permission:
    """Needs to delete the thing or change who may use it."""
    return Permission(Level.MANAGE, field)
