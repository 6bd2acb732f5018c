from __future__ import annotations

from runebook.testing.experiment_store import ExperimentStoreContract


class TestExperimentStore(ExperimentStoreContract):
    """On every backend."""
