from __future__ import annotations

from runebook.testing.run_store import RunStoreContract


class TestRunStore(RunStoreContract):
    """On every backend."""
