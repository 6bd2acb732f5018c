"""A metric's value as two columns, a kind and a finite number; see `schema`."""

from __future__ import annotations

import math
from typing import NamedTuple

from runebook.storage.sql.schema import FINITE, NEGATIVE_INFINITY, NOT_A_NUMBER, POSITIVE_INFINITY

_VALUES = {NEGATIVE_INFINITY: -math.inf, POSITIVE_INFINITY: math.inf, NOT_A_NUMBER: math.nan}


class Stored(NamedTuple):
    """A value as it is stored. The order is that of numbers, with NaN above all; NaN equals NaN."""

    kind: int
    number: float

    @property
    def value(self) -> float:
        return self.number if self.kind == FINITE else _VALUES[self.kind]

    @property
    def is_nan(self) -> bool:
        return self.kind == NOT_A_NUMBER


def stored(value: float) -> Stored:
    """A value on its way into the store."""
    if math.isfinite(value):
        return Stored(FINITE, value)
    if math.isnan(value):
        return Stored(NOT_A_NUMBER, 0.0)
    return Stored(POSITIVE_INFINITY if value > 0 else NEGATIVE_INFINITY, 0.0)
