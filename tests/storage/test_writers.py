from __future__ import annotations

from runebook.testing.writer_store import WriterStoreContract


class TestWriterStore(WriterStoreContract):
    """On every backend."""
