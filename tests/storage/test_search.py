from __future__ import annotations

import pytest

from runebook.storage.base import Storage
from runebook.testing.search_contract import SearchContract

from .search_backend import StoreSearchBackend


class TestSearch(SearchContract):
    """On every backend."""

    @pytest.fixture
    def backend(self, storage: Storage) -> StoreSearchBackend:
        return StoreSearchBackend(storage)
