"""What tables are made of, and short names for their columns. The tables are in `schema`; `dialects` makes DDL."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

INDEXED_CHARACTERS = 250
"""So many characters of a long text are in its index: compare them first, through `Dialect.text_start`."""


class Type(Enum):
    """What a column holds."""

    ID = "an integer that the database counts up"
    PUBLIC_ID = "an ID that is never used twice, and may be 0"
    INT = "a signed integer of 64 bits"
    SMALL = "a small integer"
    DOUBLE = "a finite number of 64 bits"
    KEY = "text of limited length that can be indexed, compared by code point"
    TEXT = "text of any length, compared by code point"
    BYTES = "bytes of any length"


class Column(NamedTuple):
    """A column. `length` in characters belongs to KEY."""

    name: str
    type: Type
    length: int = 0
    nullable: bool = False


class Index(NamedTuple):
    """An index, named by its table and `name`.

    A column name with a leading "-" is in descending order; a TEXT column is indexed by its first characters.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False


class Table(NamedTuple):
    """A table. A primary key other than one ID column clusters its rows where the database can."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()


def counted(name: str = "id") -> Column:
    return Column(name, Type.ID)


def integer(name: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.INT, nullable=nullable)


def small(name: str) -> Column:
    return Column(name, Type.SMALL)


def double(name: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.DOUBLE, nullable=nullable)


def key(name: str, length: int, *, nullable: bool = False) -> Column:
    return Column(name, Type.KEY, length, nullable)


def text(name: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.TEXT, nullable=nullable)


def blob(name: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.BYTES, nullable=nullable)


def keyed_values(name: str, owner: str) -> Table:
    """Params or tags of runs or models. `number` is set when the value is a finite decimal number."""
    return Table(
        name,
        (integer(owner), integer("name_id"), integer("experiment_id"), text("value"), double("number", nullable=True)),
        primary_key=(owner, "name_id"),
        indexes=(
            Index("by_value", ("experiment_id", "name_id", "value")),
            Index("by_number", ("experiment_id", "name_id", "number")),
        ),
    )
