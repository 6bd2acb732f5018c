from __future__ import annotations

import pytest

from runebook.storage.base import Storage
from runebook.testing.search_contract import SearchContract

from .backend import FileSearchBackend


class TestSearch(SearchContract):
    @pytest.fixture
    def backend(self, storage: Storage) -> FileSearchBackend:
        return FileSearchBackend(storage)
