"""What every backend's search of runs must do; subclassed once per backend, with a `backend` fixture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pytest

from runebook.core.errors import InvalidParameterValue
from runebook.testing.search_cases import FILTERS, ORDERS, REFUSED, REFUSED_ORDERS, RUNS
from runebook.testing.search_records import RunCase


class SearchBackend(Protocol):
    """A store with one experiment, as the contract drives it."""

    def log(self, runs: Sequence[RunCase]) -> None:
        """Store the runs."""

    def search(
        self, filter_text: str, order_by: Sequence[str], max_results: int = 1000, page_token: str | None = None
    ) -> tuple[list[str], str | None]:
        """One page of run ids, of active and deleted runs alike, and the next page's token."""
        ...


def _clauses(text: str) -> list[str]:
    return [clause.strip() for clause in text.split("|") if clause]


def _pages(backend: SearchBackend, filter_text: str, order_by: Sequence[str], size: int) -> list[str]:
    found, token = backend.search(filter_text, order_by, size)
    while token:
        page, token = backend.search(filter_text, order_by, size, token)
        assert page, "a token led to an empty page"
        found += page
    return found


def _told(wrong: dict[Any, str]) -> str:
    return "\n".join(f"{case!r}: {what}" for case, what in wrong.items())


class SearchContract:
    """Runs the tables of `search_cases` and what no table can say."""

    def test_each_filter_selects_its_runs(self, backend: SearchBackend) -> None:
        backend.log(RUNS)
        wrong = {}
        for text, expected in FILTERS.items():
            found = " ".join(sorted(backend.search(text, [])[0]))
            if found != expected:
                wrong[text] = f"{found!r} instead of {expected!r}"
        assert not wrong, _told(wrong)

    def test_each_order_puts_the_runs_in_place(self, backend: SearchBackend) -> None:
        backend.log(RUNS)
        wrong = {}
        for text, expected in ORDERS.items():
            found = " ".join(backend.search("", _clauses(text))[0])
            if found != expected:
                wrong[text] = f"{found!r} instead of {expected!r}"
        assert not wrong, _told(wrong)

    def test_pages_of_any_size_put_together_are_the_whole(self, backend: SearchBackend) -> None:
        backend.log(RUNS)
        wrong = {}
        for text, expected in ORDERS.items():
            for size in (1, 2, 3, 5):
                found = " ".join(_pages(backend, "", _clauses(text), size))
                if found != expected:
                    wrong[text, size] = f"{found!r} instead of {expected!r}"
        assert not wrong, _told(wrong)

    def test_pages_neither_repeat_nor_skip_while_runs_are_added(self, backend: SearchBackend) -> None:
        backend.log(RUNS)
        first, token = backend.search("", ["metrics.loss DESC"], 2)
        backend.log([RunCase("f6", metrics={"loss": [99.0]}), RunCase("g7", metrics={"loss": [0.01]})])
        rest, token = backend.search("", ["metrics.loss DESC"], 10, token)
        assert first + rest == ["c3", "a1", "d4", "g7", "b2", "e5"]
        assert token is None

    @pytest.mark.parametrize("size", [1, 2, 3])
    def test_filtered_pages_put_together_are_the_whole(self, backend: SearchBackend, size: int) -> None:
        backend.log(RUNS)
        order = ["metrics.acc DESC"]
        assert _pages(backend, "metrics.loss IS NOT NULL", order, size) == ["b2", "d4", "a1", "c3"]

    def test_a_token_of_another_search_is_refused(self, backend: SearchBackend) -> None:
        backend.log(RUNS)
        _, token = backend.search("", ["run_id"], 2)
        assert token is not None
        for filter_text, order in (("status = 'FAILED'", ["run_id"]), ("", ["run_id DESC"]), ("", [])):
            with pytest.raises(InvalidParameterValue, match="Invalid page token"):
                backend.search(filter_text, order, 2, token)
        for damaged in (token[:-3], token[3:], "!", "é", "eyJvZmZzZXQiOiAyfQ=="):
            with pytest.raises(InvalidParameterValue, match="Invalid page token"):
                backend.search("", ["run_id"], 2, damaged)

    def test_what_is_no_filter_is_refused_at_its_character(self, backend: SearchBackend) -> None:
        wrong = {}
        for text, position in REFUSED.items():
            try:
                backend.search(text, [])
                wrong[text] = "accepted"
            except InvalidParameterValue as error:
                if f"at character {position}:" not in error.message:
                    wrong[text] = error.message
        assert not wrong, _told(wrong)

    @pytest.mark.parametrize("text", REFUSED_ORDERS)
    def test_what_is_no_order_is_refused(self, backend: SearchBackend, text: str) -> None:
        with pytest.raises(InvalidParameterValue, match="Invalid order_by"):
            backend.search("", [text])

    def test_an_order_with_a_key_twice_is_refused(self, backend: SearchBackend) -> None:
        with pytest.raises(InvalidParameterValue, match="given twice"):
            backend.search("", ["metrics.loss", "metrics.`loss` DESC"])
