"""Use cases over a real store in memory, with real files in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runebook.artifacts.local import LocalArtifactStore
from runebook.artifacts.resolver import ArtifactResolver
from runebook.services.context import ServerFacts
from runebook.services.dispatch import Services
from runebook.storage.opening import open_storage


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    served = LocalArtifactStore(tmp_path / "artifacts")
    storage = open_storage("memory:", artifact_root="mlflow-artifacts:")
    opened = Services(
        storage, ArtifactResolver(served=served, roots=[]), facts=ServerFacts(artifact_serving_enabled=True)
    )
    yield opened
    opened.close()
