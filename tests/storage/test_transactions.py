from __future__ import annotations

from runebook.testing.transactions import StorageContract


class TestStorage(StorageContract):
    """On every backend."""
