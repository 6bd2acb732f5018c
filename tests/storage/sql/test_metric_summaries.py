from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from runebook.core.columns import Columns
from runebook.core.metrics import Point
from runebook.storage.sql.metric_summaries import Summary, joined, summarize
from runebook.storage.sql.values import stored

VALUES = st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e308, 5e-324, math.inf, -math.inf, math.nan]) | st.floats(width=64)
POINTS = st.builds(Point, st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1), st.integers(0, 3), VALUES)
RISING = st.lists(VALUES, min_size=1).map(lambda values: [Point(step, 5, value) for step, value in enumerate(values)])


def by_definition(points: list[Point]) -> Summary:
    """As `core.metrics.MetricSummary` says it."""
    places = sorted((point.step, point.time, *stored(point.value)) for point in points)
    numbers = [point.value for point in points if not math.isnan(point.value)] or [math.nan]
    return (len(points), *places[-1], *places[0], *stored(min(numbers)), *stored(max(numbers)))


@given(st.lists(POINTS, min_size=1) | RISING)
def test_a_summary_is_what_its_definition_says(points: list[Point]) -> None:
    assert summarize(Columns.of(points)) == by_definition(points)


@given(st.lists(POINTS, min_size=1), st.lists(POINTS, min_size=1))
def test_the_summaries_of_two_parts_are_joined_to_that_of_the_whole(one: list[Point], other: list[Point]) -> None:
    assert joined(summarize(Columns.of(one)), summarize(Columns.of(other))) == by_definition(one + other)


def test_of_equal_zeros_any_may_be_the_smallest() -> None:
    summary = summarize(Columns.of([Point(0, 0, 0.0), Point(1, 0, -0.0)]))

    assert summary == by_definition([Point(0, 0, 0.0), Point(1, 0, -0.0)])
    assert str(summary[4]) == "-0.0", "the last point keeps its sign"
