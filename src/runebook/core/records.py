"""What all records share: they are values, and a field that says nothing is left out of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct, StructMeta, field

from runebook.core.limits import MAX_INT64, MIN_INT64

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        return lambda cls: cls


Int64 = Annotated[int, Meta(ge=MIN_INT64, le=MAX_INT64)]
TimeMs = Annotated[int, Meta(ge=0, le=MAX_INT64)]
"""Milliseconds since the epoch."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class RecordMeta(StructMeta):
    """Makes every subclass a value without saying so on each class line."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
        return super().__new__(mcls, name, bases, namespace, frozen=True, kw_only=True, omit_defaults=True)


class Record(Struct, metaclass=RecordMeta):
    """A value. None and empty lists are omitted from JSON; all else is written, zero and false included."""


def shown_zero() -> Any:
    """A default of 0 that is written to JSON all the same, as MLflow's clients expect of a step."""
    return field(default_factory=int)
