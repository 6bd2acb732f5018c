"""Writes of many connections at once, through a real server: each has its own answer, and what was said is so."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .running import Answer, RunningServer

BASE = "/api/2.0/mlflow"


def new_run(server: RunningServer) -> str:
    run_id: str = server.post(f"{BASE}/runs/create", {"experiment_id": "0"}).json["run"]["info"]["run_id"]
    return run_id


def log(server: RunningServer, run_id: str, step: int, key: str = "loss") -> Answer:
    fields = {"run_id": run_id, "key": key, "value": step / 4, "timestamp": step, "step": step}
    return server.post(f"{BASE}/runs/log-metric", fields)


def steps(server: RunningServer, run_id: str, key: str = "loss") -> list[int]:
    answer = server.request("GET", f"{BASE}/metrics/get-history?run_id={run_id}&metric_key={key}")
    points = answer.json.get("metrics", [])
    assert all(point["value"] == point["step"] / 4 for point in points)
    return [point["step"] for point in points]


@contextlib.contextmanager
def locked(server: RunningServer) -> Iterator[None]:
    """Nobody can commit meanwhile."""
    with contextlib.closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def test_each_of_many_connections_gets_its_own_answer(server: RunningServer) -> None:
    runs = [new_run(server) for _ in range(16)]

    def job(number: int) -> list[int]:
        run_id = runs[number] if number % 4 else "0" * 32
        return [log(server, run_id, step).status for step in range(20)]

    with ThreadPoolExecutor(16) as jobs:
        statuses = list(jobs.map(job, range(16)))

    assert statuses == [[200 if number % 4 else 404] * 20 for number in range(16)]
    for number, run_id in enumerate(runs):
        assert steps(server, run_id) == (list(range(20)) if number % 4 else [])


def test_writes_of_all_kinds_are_answered_while_others_wait_with_them(server: RunningServer) -> None:
    run_id = new_run(server)
    requests = [
        ("runs/log-metric", {"run_id": run_id, "key": "kinds", "value": 1, "timestamp": 4, "step": 4}),
        ("runs/log-parameter", {"run_id": run_id, "key": "p", "value": "1"}),
        ("runs/set-tag", {"run_id": run_id, "key": "t", "value": "1"}),
        ("runs/log-batch", {"run_id": run_id, "params": [{"key": "q", "value": "2"}]}),
        ("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 7}),
        ("runs/create", {"experiment_id": "0", "run_name": "made meanwhile"}),
        ("runs/create", {"experiment_id": "999"}),
        ("runs/log-parameter", {"run_id": run_id, "key": "../x", "value": "1"}),
        ("runs/update", {"run_id": "f" * 32, "status": "FINISHED"}),
    ]
    with ThreadPoolExecutor(len(requests)) as jobs:
        with locked(server):
            answers = [jobs.submit(server.post, f"{BASE}/{path}", fields) for path, fields in requests]
            time.sleep(0.3)
            assert not any(answer.done() for answer in answers)
        statuses = [answer.result().status for answer in answers]

    assert statuses == [200, 200, 200, 200, 200, 200, 404, 400, 404]
    run = server.request("GET", f"{BASE}/runs/get?run_id={run_id}").json["run"]
    assert (run["info"]["status"], run["info"]["end_time"]) == ("FINISHED", 7)
    assert {param["key"]: param["value"] for param in run["data"]["params"]} == {"p": "1", "q": "2"}


def test_a_request_whose_client_leaves_is_done_whole(server: RunningServer) -> None:
    run_id = new_run(server)
    points = [{"key": key, "value": step / 4, "timestamp": 1, "step": step} for key in ("a", "b") for step in range(9)]
    with locked(server):
        left = server.connect()
        body = json.dumps({"run_id": run_id, "metrics": points})
        left.request("POST", f"{BASE}/runs/log-batch", body, {"Content-Type": "application/json"})
        time.sleep(0.2)
        left.close()
    assert log(server, run_id, 100).status == 200

    assert [steps(server, run_id, key) for key in ("a", "b")] == [list(range(9))] * 2


def test_a_stop_answers_all_that_came_in_before_it(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        run_id = new_run(server)
        with ThreadPoolExecutor(40) as jobs:
            with locked(server):
                answers = [jobs.submit(log, server, run_id, step) for step in range(40)]
                time.sleep(0.5)
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.3)
                assert server.process.poll() is None
            assert [answer.result().status for answer in answers] == [200] * 40
        assert server.stop() == 0
    with RunningServer(tmp_path) as again:
        assert steps(again, run_id) == list(range(40))


def test_a_stop_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[set[int]] = [set() for _ in range(8)]
    with RunningServer(tmp_path) as server:
        runs = [new_run(server) for _ in range(8)]

        def job(number: int) -> None:
            connection = server.connect()
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                for step in range(100_000):
                    fields = {"run_id": runs[number], "key": "loss", "value": step / 4, "timestamp": step, "step": step}
                    headers = {"Content-Type": "application/json"}
                    connection.request("POST", f"{BASE}/runs/log-metric", json.dumps(fields), headers)
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 200:
                        return
                    acknowledged[number].add(step)

        threads = [threading.Thread(target=job, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        assert server.stop() == 0
        for thread in threads:
            thread.join()
    with RunningServer(tmp_path) as again:
        for number, run_id in enumerate(runs):
            stored = steps(again, run_id)
            assert acknowledged[number]
            assert stored == list(range(len(stored)))
            assert len(acknowledged[number]) <= len(stored) <= len(acknowledged[number]) + 1


def test_a_store_that_is_away_is_said_so_at_once_to_all_and_when_to_come_back(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        run_id = new_run(server)
        server.database.rename(tmp_path / "elsewhere.db")
        began = time.monotonic()
        with ThreadPoolExecutor(20) as jobs:
            answers = list(jobs.map(lambda step: log(server, run_id, step), range(20)))

        assert time.monotonic() - began < 5
        assert {(answer.status, answer.error_code) for answer in answers} == {(503, "TEMPORARILY_UNAVAILABLE")}
        assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
        (tmp_path / "elsewhere.db").rename(server.database)
        assert log(server, run_id, 50).status == 200
        assert steps(server, run_id) == [50]
