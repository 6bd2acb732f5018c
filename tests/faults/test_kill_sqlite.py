"""A process that is killed while it writes SQLite leaves what it was told was committed, and nothing else."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.server.running import RunningServer

from runebook.api import codec
from runebook.api.frames import LogFrame, RunPart, SeriesPart
from runebook.core.columns import Columns
from runebook.core.ids import RunId, new_writer_id
from runebook.core.metrics import Point
from runebook.core.params import Param
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


class Writer:
    """Sends frames of one writer until its server is gone, and goes on with the one that was not acknowledged."""

    def __init__(self, run_id: RunId) -> None:
        self.run_id = run_id
        self.name = new_writer_id()
        self.acknowledged = 0

    def write(self, server: RunningServer) -> None:
        headers = {"Content-Type": "application/msgpack"}
        connection = server.connect()
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                connection.request("POST", "/api/runebook/v1/frames/log", self._frame(), headers)
                answer = connection.getresponse()
                assert answer.status == 200
                self.acknowledged = json.loads(answer.read())["acknowledged"]

    def _frame(self) -> bytes:
        first = self.acknowledged + 1
        points = [Point(step, step, step / 8) for step in range(first, first + 5)]
        steps, times, values = Columns.of(points).to_bytes()
        part = SeriesPart(key="loss", steps=steps, times=times, values=values)
        params = [Param(key=f"p{first}", value=str(first))]
        run = RunPart(run_id=self.run_id, series=[part], params=params)
        return codec.encode_binary_request(LogFrame(writer=self.name, first=first, last=first + 4, runs=[run]))


def test_a_killed_server_keeps_what_it_acknowledged_and_adds_nothing_twice(tmp_path: Path) -> None:
    rng = random.Random(7)
    with RunningServer(tmp_path) as server:
        created = [server.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0"}) for _ in range(8)]
        writers = [Writer(answer.json["run"]["info"]["run_id"]) for answer in created]
    for _ in range(4):
        server = RunningServer(tmp_path)
        threads = [threading.Thread(target=writer.write, args=(server,)) for writer in writers]
        for thread in threads:
            thread.start()
        time.sleep(0.2 + rng.random() * 0.3)
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        for thread in threads:
            thread.join()
    storage = SqlStorage.open(f"sqlite:///{server.database}", artifact_root="/artifacts")
    for writer in writers:
        points = history(storage, writer.run_id, "loss")
        with storage.read() as tx:
            run = tx.runs.get(writer.run_id)

        assert writer.acknowledged > 0
        assert len(points) - writer.acknowledged in {0, 5}  # the answer of the last frame may have been lost
        assert points == [Point(step, step, step / 8) for step in range(1, len(points) + 1)]
        assert {param.key for param in run.data.params} == {f"p{first}" for first in range(1, len(points) + 1, 5)}
    storage.close()
