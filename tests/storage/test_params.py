from __future__ import annotations

from runebook.testing.param_store import ParamStoreContract


class TestParamStore(ParamStoreContract):
    """On every backend."""
