from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runebook.core.columns import Columns
from runebook.core.metrics import Point
from runebook.storage.base import Series
from runebook.storage.files import series
from runebook.storage.files.series import Sample

TEXT = st.text(max_size=30)


@given(st.floats(), st.integers(0, 2**63 - 1), st.integers(-(2**63), 2**63 - 1), TEXT, TEXT, st.booleans())
def test_a_point_is_read_as_it_was_written(
    value: float, time: int, step: int, name: str, digest: str, with_run: bool
) -> None:
    one = Series("m", Columns.of([Point(step, time, value)]), dataset_name=name, dataset_digest=digest)
    line = series.lines(one, "r" * 32 if with_run else None)
    (sample,) = series.samples("m", line, with_run=with_run)

    assert line.count(b" ") == (5 if with_run else 4), "MLflow splits a line at its spaces"
    assert sample._replace(value=0.0) == Sample(time, 0.0, step, "r" * 32 if with_run else None, name, digest)
    assert repr(sample.value) == repr(value)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"5 1.0 3\n", [Sample(5, 1.0, 3)]),
        (b"5 1.0\n", [Sample(5, 1.0, 0)]),
        (b"5 1.0 3 my own data dg\n", [Sample(5, 1.0, 3, None, "my own data", "dg")]),
        (b"5 1.0 3\n5 1.0 3\n", [Sample(5, 1.0, 3)]),
        (b"5 1.0 3\n\n6 inf 4\n", [Sample(5, 1.0, 3), Sample(6, math.inf, 4)]),
        (b"5 1.0 3\nno sense\n6 2.0 x\n7\n", [Sample(5, 1.0, 3)]),
        (b"5 1.0 3\n\xff\xfe\n", [Sample(5, 1.0, 3)]),
        (b"5 1.0 3\n6 2.0 46", [Sample(5, 1.0, 3)]),
        (b"6 2.0 46", []),
        (b"", []),
    ],
    ids=["whole", "of old", "spaces", "twice", "empty line", "nonsense", "no text", "torn", "torn first", "empty"],
)
def test_what_mlflow_and_its_accidents_leave_is_read(data: bytes, expected: list[Sample]) -> None:
    assert series.samples("m", data) == expected


def test_lines_of_logged_models_name_their_run() -> None:
    data = b"5 1.0 3 run1\n6 2.0 4 run2 my data dg\n7 1.0 3\n"

    assert series.samples("m", data, with_run=True) == [
        Sample(5, 1.0, 3, "run1"),
        Sample(6, 2.0, 4, "run2", "my data", "dg"),
    ]


def test_a_summary_passes_over_nan_unless_there_is_nothing_else() -> None:
    nan = math.nan
    found = series.summary("m", [Sample(1, nan, 0), Sample(2, 3.0, 1), Sample(3, nan, 1), Sample(0, -1.0, 1)])

    assert (found.min, found.max, found.count, found.first_step, found.last_time) == (-1.0, 3.0, 4, 0, 3)
    assert math.isnan(found.first)
    assert math.isnan(found.last)
    assert math.isnan(series.summary("m", [Sample(1, nan, 0)]).max)
