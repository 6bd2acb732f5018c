"""The search contract over records in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runebook.search.evaluate import matches
from runebook.search.order_by import parse_order_by
from runebook.search.page_tokens import page_of, query_digest
from runebook.search.parser import parse_filter
from runebook.search.vocabulary import RUNS
from runebook.testing.search_contract import SearchContract
from runebook.testing.search_records import RunCase, RunCaseRecord


class RecordsBackend:
    def __init__(self) -> None:
        self.records: list[RunCaseRecord] = []

    def log(self, runs: Sequence[RunCase]) -> None:
        self.records += [RunCaseRecord(run) for run in runs]

    def search(
        self, filter_text: str, order_by: Sequence[str], max_results: int = 1000, page_token: str | None = None
    ) -> tuple[list[str], str | None]:
        tree = parse_filter(filter_text, RUNS)
        order = parse_order_by(order_by, RUNS)
        digest = query_digest(tree, order)
        found = [record for record in self.records if matches(tree, record)]
        page, token = page_of(found, order, RUNS, max_results, page_token, digest)
        return [record.case.run_id for record in page], token


@pytest.fixture
def backend() -> RecordsBackend:
    return RecordsBackend()


class TestSearchOfRecords(SearchContract):
    """Runs the contract."""
