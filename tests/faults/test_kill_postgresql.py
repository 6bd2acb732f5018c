"""A database server that is killed takes nothing with it that Runebook acknowledged."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from tests.faults.load import Load
from tests.faults.postgresql import KillablePostgresql
from tests.server.running import RunningServer

SEED = 12
KILLS = 50


@pytest.mark.timeout(600)
def test_what_was_acknowledged_survives_postgresql(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    database = KillablePostgresql()
    try:
        with RunningServer(tmp_path, backend_store_uri=database.uri, fold_interval_s=0.5) as server:
            with Load(tmp_path, server.port) as load:
                for _ in range(KILLS):
                    before = load.acknowledged()
                    time.sleep(rng.uniform(0, 0.4))
                    load.wait_for_progress(before)
                    database.kill()
                    time.sleep(rng.uniform(0, 0.1))
                    database.start()
                points = load.finish(database.uri)
            assert server.process.poll() is None, "the server went down with its database"
    finally:
        database.stop()
    assert points > 100 * KILLS, f"seed {SEED}: too few points to tell"
    print(f"{KILLS} kills, {points} points")
