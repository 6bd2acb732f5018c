"""Use cases over a real store in memory, with real files in a temporary folder; and over every backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.storage.backends import OpenBackend
from tests.storage.conftest import (  # noqa: F401  # pytest finds them here by their names
    mariadb,
    mariadb_database,
    opened,
    postgresql,
    postgresql_database,
)

from runebook.artifacts.local import LocalArtifactStore
from runebook.artifacts.resolver import ArtifactResolver
from runebook.services.context import ServerFacts
from runebook.services.dispatch import Services
from runebook.storage.opening import open_storage


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    served = LocalArtifactStore(tmp_path / "artifacts")
    storage = open_storage("memory:", artifact_root="mlflow-artifacts:")
    with_files = Services(
        storage, ArtifactResolver(served=served, roots=[]), facts=ServerFacts(artifact_serving_enabled=True)
    )
    yield with_files
    with_files.close()


@pytest.fixture
def everywhere(opened: OpenBackend) -> Services:  # noqa: F811  # a fixture is asked for by its name
    """Services over each backend in turn."""
    return Services(opened.storage, ArtifactResolver(served=None, roots=[]))
