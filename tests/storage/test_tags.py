from __future__ import annotations

from runebook.testing.tag_store import TagStoreContract


class TestTagStore(TagStoreContract):
    """On every backend."""
