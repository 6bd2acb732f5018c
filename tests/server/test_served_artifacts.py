"""The client's store behind a real server, and what it promises as every store does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runebook.client.http import HttpTransport
from runebook.client.served_artifacts import ServedArtifactStore
from runebook.config import HttpSettings
from runebook.testing.artifact_store import ArtifactStoreContract

from .running import RunningServer


@pytest.fixture
def root(server: RunningServer) -> Path:
    shutil.rmtree(server.artifacts, ignore_errors=True)
    server.artifacts.mkdir()
    return server.artifacts


@pytest.fixture
def store(server: RunningServer, root: Path) -> Iterator[ServedArtifactStore]:
    transport = HttpTransport(f"http://127.0.0.1:{server.port}", HttpSettings())
    yield ServedArtifactStore(transport)
    transport.close()


class TestServedArtifactStore(ArtifactStoreContract):
    """Over HTTP."""
