"""A server that is killed loses nothing that it acknowledged, and its clients go on by themselves."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
from tests.faults.load import Load
from tests.faults.stored_points import is_whole
from tests.server.running import RunningServer
from tests.storage.servers import PostgresqlServer

SEED = 11
KILLS = 50
"""Of each store."""


@pytest.mark.timeout(600)
def test_a_killed_server_keeps_what_it_acknowledged_in_a_file(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, f"sqlite:///{tmp_path}/runebook.db")
    assert is_whole(tmp_path / "runebook.db")


@pytest.mark.timeout(600)
def test_a_killed_server_keeps_what_it_acknowledged_in_postgresql(tmp_path: Path) -> None:
    database = PostgresqlServer()
    try:
        kill_again_and_again(tmp_path, database.new_database())
    finally:
        database.stop()


def kill_again_and_again(folder: Path, store: str) -> None:
    rng = random.Random(SEED)
    server = RunningServer(folder, backend_store_uri=store, fold_interval_s=0.5)
    try:
        with Load(folder, server.port) as load:
            for _ in range(KILLS):
                before = load.acknowledged()
                time.sleep(rng.uniform(0, 0.4))
                load.wait_for_progress(before)
                server.stop(signal.SIGKILL)
                server = RunningServer(folder, backend_store_uri=store, port=server.port, fold_interval_s=0.5)
            points = load.finish(store)
    finally:
        server.stop()
    assert points > 100 * KILLS, f"seed {SEED}: too few points to tell"
    print(f"{KILLS} kills, {points} points")
