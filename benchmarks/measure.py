"""What is measured, and the samples of it: a row per piece of work, a median per peer."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_RESAMPLED = 2000


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Args:
        key: its name in the JSON.
        section: the table that it stands in.
        title: what is done.
        unit: of its samples.
        better: `lower` or `higher`.
        target: what the design wants of Runebook, in the unit.
        under: the size at which it wants that, where it is another than the one measured.
    """

    key: str
    section: str
    title: str
    unit: str
    better: str
    target: float | None = None
    under: str = ""

    def reached_by(self, value: float) -> bool:
        assert self.target is not None
        return value <= self.target if self.better == "lower" else value >= self.target

    def ratio(self, value: float, peer_value: float) -> float | None:
        """How many times better the first is; None where a ratio says nothing."""
        if value <= 0 or peer_value <= 0 or self.unit == "%":
            return None
        return peer_value / value if self.better == "lower" else value / peer_value


@dataclass(frozen=True)
class Sample:
    """One measurement of one row.

    `note` says what must be known to read it, such as errors or a size; `detail` what is worth keeping in the JSON.
    """

    row: str
    peer: str
    value: float
    note: str = ""
    detail: str = ""


def medians(samples: Iterable[Sample]) -> dict[str, dict[str, float]]:
    """Median by row and peer."""
    values: dict[str, dict[str, list[float]]] = {}
    for sample in samples:
        values.setdefault(sample.row, {}).setdefault(sample.peer, []).append(sample.value)
    return {row: {peer: statistics.median(found) for peer, found in peers.items()} for row, peers in values.items()}


def likely_median(values: Sequence[float]) -> tuple[float, float]:
    """Between what bounds the median lies, with 95 % confidence, by bootstrap."""
    chance = random.Random(1)
    found = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(_RESAMPLED))
    return found[_RESAMPLED // 40], found[-_RESAMPLED // 40]
