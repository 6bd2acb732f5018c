from __future__ import annotations

from runebook.testing.metric_store import MetricStoreContract


class TestMetricStore(MetricStoreContract):
    """On every backend."""
