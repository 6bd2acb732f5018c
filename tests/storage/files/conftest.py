"""A file store in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from runebook.storage.base import Storage

from .backend import FileBackend


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path / "mlruns")


@pytest.fixture
def storage(backend: FileBackend) -> Storage:
    return backend.storage
