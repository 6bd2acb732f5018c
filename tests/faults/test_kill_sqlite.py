"""A process that is killed while it writes SQLite leaves what it was told was committed, and nothing else."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import add_run, history

WRITER = """
import sys
from runebook.core.params import Param
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import metric, series
storage = SqlStorage.open(sys.argv[1], artifact_root="/artifacts")
step = int(sys.argv[3])
while True:
    with storage.write() as tx:
        tx.metrics.append({sys.argv[2]: series([metric(f"m{n}", 1.0, step) for n in range(20)])})
        tx.params.add({sys.argv[2]: [Param(key=f"p{step}", value="x" * 5000)]})
    print(step, flush=True)
    step += 1
"""


def test_a_killed_writer_leaves_whole_transactions(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/store.db"
    storage = SqlStorage.open(uri, artifact_root="/artifacts")
    run_id = add_run(storage)
    rng = random.Random(5)
    acknowledged = 0
    for _ in range(4):
        start = acknowledged
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, uri, run_id, str(start)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(rng.random() * 0.2)
        process.kill()
        output, error = process.communicate()
        assert first, error
        told = [start - 1, *map(int, (first + output).split())]
        steps = [step for _, step, _ in history(storage, run_id, "m0")]
        with storage.read() as tx:
            params = {param.key for param in tx.runs.get(run_id).data.params}

        assert steps[: told[-1] + 1] == list(range(told[-1] + 1))
        assert len(steps) <= told[-1] + 2
        assert params == {f"p{step}" for step in steps}
        assert all(len(history(storage, run_id, f"m{number}")) == len(steps) for number in range(20))
        acknowledged = len(steps)
    storage.close()
    assert acknowledged > 4
