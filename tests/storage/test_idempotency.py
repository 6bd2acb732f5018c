from __future__ import annotations

from runebook.testing.idempotency_store import IdempotencyStoreContract


class TestIdempotencyStore(IdempotencyStoreContract):
    """On every backend."""
