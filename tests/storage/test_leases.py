from __future__ import annotations

from runebook.testing.lease_store import LeaseStoreContract


class TestLeaseStore(LeaseStoreContract):
    """On every backend."""
