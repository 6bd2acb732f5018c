"""No test, and no process that it starts, leaves anything in the spool of who runs it."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

_numbers = count()


@pytest.fixture(scope="session")
def spools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spools")


@pytest.fixture(autouse=True)
def own_spool(spools: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of spools, by the setting, and by its default for processes that are started without settings."""
    state = spools / str(next(_numbers))
    folder = state / "runebook" / "spool"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setenv("RUNEBOOK_SPOOL_DIR", str(folder))
    return folder
