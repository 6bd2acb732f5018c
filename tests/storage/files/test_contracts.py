"""What every store must do, done by files."""

from __future__ import annotations

import pytest

from runebook.storage.base import Storage
from runebook.testing.experiment_store import ExperimentStoreContract
from runebook.testing.idempotency_store import IdempotencyStoreContract
from runebook.testing.param_store import ParamStoreContract
from runebook.testing.run_store import RunStoreContract
from runebook.testing.search_contract import SearchContract
from runebook.testing.tag_store import TagStoreContract

from .backend import FileSearchBackend


class TestExperiments(ExperimentStoreContract):
    pass


class TestRuns(RunStoreContract):
    pass


class TestParams(ParamStoreContract):
    pass


class TestTags(TagStoreContract):
    pass


class TestIdempotency(IdempotencyStoreContract):
    pass


class TestSearch(SearchContract):
    @pytest.fixture
    def backend(self, storage: Storage) -> FileSearchBackend:
        return FileSearchBackend(storage)
