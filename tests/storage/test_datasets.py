from __future__ import annotations

from runebook.testing.dataset_store import DatasetStoreContract


class TestDatasetStore(DatasetStoreContract):
    """On every backend."""
