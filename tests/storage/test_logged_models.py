from __future__ import annotations

from runebook.testing.logged_model_store import LoggedModelStoreContract


class TestLoggedModelStore(LoggedModelStoreContract):
    """On every backend."""
