"""Processes that track with Runebook, and what ships what they left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_SHIP = """
import sys
from pathlib import Path
from runebook.client.opening import open_store
from runebook.client.spool.leaving import ship_left
from runebook.config import Settings
opened = open_store(sys.argv[1], Settings.read())
for _ in ship_left(opened.log.root, opened.transport):
    pass
"""


def client_environment(folder: Path, **variables: str) -> dict[str, str]:
    """Nothing set but where the spools of this test lie."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNEBOOK_", "MLFLOW_"))}
    own = {"HOME": str(folder), "RUNEBOOK_SPOOL_DIR": str(folder / "spool"), "RUNEBOOK_GIT_DIFF": "false"}
    return kept | own | variables


def ship_all(tracking_uri: str, environment: dict[str, str]) -> None:
    """Ship what processes left that are gone."""
    done = subprocess.run(
        [sys.executable, "-c", _SHIP, tracking_uri], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
