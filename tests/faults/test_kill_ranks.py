"""Of processes that write to one run together, some are killed: the others go on, and nothing of any is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from tests.faults import ranks
from tests.faults.programs import client_environment, programs, ship_all
from tests.faults.stored_points import SPAN, is_whole, open_store, statuses, stored_points

from runebook.core.runs import RunStatus
from runebook.testing.records import history

RANKS = 8
KILLED = 3
HANG_SECONDS = 120.0
RUN_ID = "5" * 32


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_ranks_of_a_shared_run_lose_nothing_and_stop_no_other(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    store = f"sqlite:///{tmp_path}/runebook.db"
    environment = client_environment(tmp_path)
    notes = tmp_path / "notes"
    notes.write_bytes(bytes(8 * RANKS))
    commands = [(ranks.__file__, store, RUN_ID, rank, notes) for rank in range(RANKS)]
    with programs(tmp_path, environment, commands) as running:
        until = time.monotonic() + HANG_SECONDS
        while not all(told := list(memoryview(notes.read_bytes()).cast("Q"))):
            assert time.monotonic() < until, (told, [program.log for program in running])
            time.sleep(0.02)
        killed = rng.sample(range(RANKS), KILLED)
        for rank in killed:
            time.sleep(rng.uniform(0, 0.3))
            running[rank].process.kill()
            running[rank].process.wait()
        time.sleep(0.2)
        for rank, program in enumerate(running):
            if rank not in killed:
                program.finish(HANG_SECONDS)
    ship_all(store, environment)

    logged = list(memoryview(notes.read_bytes()).cast("Q"))
    assert list((tmp_path / "spool").iterdir()) == []
    storage = open_store(store)
    common = [number for _, _, number in history(storage, RUN_ID, ranks.COMMON)]
    for rank, count in enumerate(logged):
        found = stored_points(storage, RUN_ID, ranks.own_key(rank), rank)
        assert count <= found.numbers <= count + (rank in killed), f"seed {seed}, rank {rank}"
        assert found.counted == found.numbers
        of_rank = sorted(value for value in common if rank * SPAN <= value < (rank + 1) * SPAN)
        assert of_rank[:count] == [rank * SPAN + number for number in range(count)]
        assert len(of_rank) <= found.numbers
    assert statuses(storage) == {RUN_ID: RunStatus.KILLED}
    storage.close()
    assert is_whole(tmp_path / "runebook.db")
    print(f"{KILLED} kills, {len(common) + sum(logged)} points")
