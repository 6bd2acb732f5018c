from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from runebook.core.columns import Columns
from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.core.metrics import Point
from runebook.storage.sql.metric_order import behind, merged, ordered, part, place
from runebook.storage.sql.values import stored

EDGES = st.sampled_from([MIN_INT64, -1, 0, 1, 2, MAX_INT64])
VALUES = st.sampled_from([0.0, -1.5, 2.5, math.inf, -math.inf, math.nan])
POINTS = st.lists(st.builds(Point, EDGES, EDGES, VALUES), max_size=12)


def in_order(points: list[Point]) -> list[Point]:
    """By the definition."""
    found = {(point.time, point.step, *stored(point.value)): point for point in points}
    return [found[here] for here in sorted(found)]


@given(POINTS)
def test_points_are_ordered_by_time_step_and_value_and_each_is_there_once(points: list[Point]) -> None:
    assert ordered(Columns.of(points)) == Columns.of(in_order(points))


@given(POINTS)
def test_what_is_in_order_is_left_alone_unless_values_must_decide(points: list[Point]) -> None:
    columns = ordered(Columns.of(points))
    places = list(zip(columns.times, columns.steps, strict=True))
    if len(set(places)) == len(places):
        assert ordered(columns) is columns


@given(st.lists(POINTS, max_size=4))
def test_ordered_parts_become_one_order(parts: list[list[Point]]) -> None:
    joined = [point for one in parts for point in one]
    assert merged([ordered(Columns.of(one)) for one in parts]) == Columns.of(in_order(joined))


@given(POINTS, st.builds(Point, EDGES, EDGES, VALUES))
def test_the_points_behind_a_place_are_found(points: list[Point], at: Point) -> None:
    columns = ordered(Columns.of(points))
    after = (at.time, at.step, *stored(at.value))
    start = behind(columns, after)

    assert all(place(columns, index) <= after for index in range(start))
    assert all(place(columns, index) > after for index in range(start, len(columns)))
    assert part(columns, start, len(columns)) == Columns.of(list(columns)[start:])


def test_the_two_zeros_are_one_value() -> None:
    assert len(ordered(Columns.of([Point(1, 1, 0.0), Point(1, 1, -0.0)]))) == 1
    assert len(ordered(Columns.of([Point(1, 1, 0.0), Point(1, 1, -0.0), Point(0, 0, math.nan)]))) == 2
