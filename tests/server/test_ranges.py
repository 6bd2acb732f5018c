from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from runebook.server.ranges import ByteRange, Unsatisfiable, is_unchanged, wanted_range


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=2-5", ByteRange(2, 6)),
        ("bytes=2-", ByteRange(2, 10)),
        ("bytes=2-999", ByteRange(2, 10)),
        ("bytes=-3", ByteRange(7, 10)),
        ("bytes=-99", ByteRange(0, 10)),
        ("BYTES = 1 - 2", ByteRange(1, 3)),
        ("bytes=9-9", ByteRange(9, 10)),
        ("bytes=10-", Unsatisfiable()),
        ("bytes=10-11", Unsatisfiable()),
        ("bytes=-0", Unsatisfiable()),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=1", None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("", None),
    ],
)
def test_a_range_is_understood_or_counts_as_absent(sent: str, wanted: object) -> None:
    assert wanted_range(Headers({"range": sent}), 10, '"e"') == wanted


def test_an_empty_file_satisfies_no_range() -> None:
    assert wanted_range(Headers({"range": "bytes=0-"}), 0, '"e"') == Unsatisfiable()
    assert wanted_range(Headers({"range": "bytes=-1"}), 0, '"e"') == Unsatisfiable()


def test_a_range_of_another_version_counts_as_absent() -> None:
    headers = {"range": "bytes=0-1"}

    assert wanted_range(Headers({**headers, "if-range": '"e"'}), 10, '"e"') == ByteRange(0, 2)
    assert wanted_range(Headers({**headers, "if-range": '"old"'}), 10, '"e"') is None


@pytest.mark.parametrize(
    ("sent", "unchanged"),
    [('"e"', True), ('W/"e"', True), ('"a", "e"', True), ("*", True), ('"a"', False), ("", False)],
)
def test_a_version_that_the_caller_has_is_unchanged(sent: str, unchanged: bool) -> None:
    assert is_unchanged(Headers({"if-none-match": sent}), '"e"') is unchanged
