"""Points with their names, as replies list them, made only when somebody looks at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from runebook.core.columns import Columns
from runebook.core.metrics import Metric


class History(Sequence[Metric]):
    """Points of one series as metrics. They are kept as columns, from which they become JSON without detour."""

    def __init__(self, key: str, points: Columns, run_id: str | None = None) -> None:
        self.key = key
        self.points = points
        self.run_id = run_id

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[Metric]:
        columns = (self.points.values, self.points.times, self.points.steps)
        for value, time, step in zip(*columns, strict=True):
            yield Metric(key=self.key, value=value, timestamp=time, step=step, run_id=self.run_id)

    @overload
    def __getitem__(self, index: int) -> Metric: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> Metric | History:
        steps, times, values = self.points.steps[index], self.points.times[index], self.points.values[index]
        if isinstance(index, slice):
            return History(self.key, Columns(steps, times, values), self.run_id)  # type: ignore[arg-type]  # arrays
        return Metric(key=self.key, value=values, timestamp=times, step=steps, run_id=self.run_id)  # type: ignore[arg-type]  # numbers

    def __eq__(self, other: object) -> bool:
        """Equal to any sequence of equal metrics."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # its columns are mutable

    def __repr__(self) -> str:
        return repr(list(self))
