from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from runebook.core.errors import InvalidParameterValue
from runebook.server.run import bind
from runebook.server.settings import ServerSettings

from .running import RunningServer

LOG_METRIC = "/api/2.0/mlflow/runs/log-metric"


def test_the_address_is_printed_when_the_server_answers(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        assert server.announcement == f"Runebook serves at http://127.0.0.1:{server.port}\n"
        assert server.request("GET", "/health").status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_ends_with_exit_code_0(tmp_path: Path, number: int, workers: int) -> None:
    with RunningServer(tmp_path, workers=workers) as server:
        assert server.request("GET", "/health").status == 200
        assert server.stop(number) == 0
    assert "Traceback" not in server.log


@pytest.mark.parametrize("workers", [1, 2])
def test_requests_in_flight_are_finished_before_a_stop(tmp_path: Path, workers: int) -> None:
    server = RunningServer(tmp_path, workers=workers)
    body = b'{"name": "slow but accepted"}'
    wires = []
    for index in range(4):
        wire = socket.create_connection((server.host, server.port), timeout=30)
        path = f"/api/2.0/mlflow-artifacts/artifacts/f{index}" if index else "/api/2.0/mlflow/experiments/create"
        method = "PUT" if index else "POST"
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        wires.append(wire)
    time.sleep(0.3)

    stopped: list[int] = []
    stopping = threading.Thread(target=lambda: stopped.append(server.stop()))
    stopping.start()
    time.sleep(0.5)
    assert stopped == []
    answers = []
    for wire in wires:
        wire.sendall(body[10:])
        answers.append(wire.recv(65536))
        wire.close()
    stopping.join(30)

    assert [answer.split()[1] for answer in answers] == [b"200"] * 4
    assert stopped == [0]
    assert [(server.artifacts / f"f{index}").read_bytes() for index in range(1, 4)] == [body] * 3
    assert any("slow but accepted" in line for line in server.dump())
    with pytest.raises(ConnectionRefusedError):
        server.connect().connect()


def test_what_was_acknowledged_before_a_stop_is_kept(tmp_path: Path) -> None:
    server = RunningServer(tmp_path)
    run = server.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1}).json
    run_id = run["run"]["info"]["run_id"]
    acknowledged: list[int] = []

    def log(writer: int) -> None:
        try:
            for step in range(10_000):
                point = {"run_id": run_id, "key": f"m{writer}", "value": step, "timestamp": 1, "step": step}
                if server.post(LOG_METRIC, point).status == 200:
                    acknowledged.append(step)
        except (OSError, http.client.HTTPException):
            return

    writers = [threading.Thread(target=log, args=(index,)) for index in range(4)]
    for writer in writers:
        writer.start()
    time.sleep(1)
    assert server.stop() == 0
    for writer in writers:
        writer.join()

    with RunningServer(tmp_path) as again:
        path = f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=m"
        stored = sum(len(again.request("GET", f"{path}{index}").json["metrics"]) for index in range(4))
    assert len(acknowledged) > 20
    assert len(acknowledged) <= stored <= len(acknowledged) + 4


def test_idle_connections_do_not_hold_up_a_stop(tmp_path: Path) -> None:
    server = RunningServer(tmp_path)
    connection = server.connect()
    connection.request("GET", "/health")
    connection.getresponse().read()

    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 3
    connection.close()


def test_the_store_is_left_closed(tmp_path: Path) -> None:
    server = RunningServer(tmp_path)
    server.post("/api/2.0/mlflow/experiments/create", {"name": "e"})
    server.stop()

    assert sorted(file.name for file in tmp_path.iterdir() if file.name.startswith("runebook.db")) == ["runebook.db"]
    connection = sqlite3.connect(server.database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_taken_port_is_refused_by_the_name_of_its_flag(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with RunningServer(tmp_path, port=port) as server:
            assert server.stop() == 1
        assert f"refused: Port {port} of 127.0.0.1 is in use; choose another with --port." in server.log


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(InvalidParameterValue, match=r"192\.0\.2\.1"):
        bind("192.0.2.1", 0)
    with pytest.raises(InvalidParameterValue, match="--host"):
        bind("no such host", 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_that_cannot_be_opened_is_told_without_a_traceback(tmp_path: Path, workers: int) -> None:
    (tmp_path / "runebook.db").write_text("this is no database, whatever its name says " * 50)
    with RunningServer(tmp_path, workers=workers) as server:
        assert server.stop() == 1
    assert "refused: " in server.log
    assert "Traceback" not in server.log


def test_workers_share_one_store(tmp_path: Path) -> None:
    with RunningServer(tmp_path, workers=3) as server:
        workers = [
            child
            for child in psutil.Process(server.process.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        assert len(workers) == 3
        ids = [
            server.post("/api/2.0/mlflow/experiments/create", {"name": f"e{n}"}).json["experiment_id"]
            for n in range(20)
        ]
        found = server.request("GET", "/api/2.0/mlflow/experiments/search?max_results=100").json["experiments"]
        assert {experiment["experiment_id"] for experiment in found} >= set(ids)


def test_workers_stop_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    server = RunningServer(tmp_path, workers=2)
    children = psutil.Process(server.process.pid).children()
    server.request("GET", "/health")
    os.kill(server.process.pid, signal.SIGKILL)
    server.stop()

    _, alive = psutil.wait_procs(children, timeout=10)

    assert alive == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"port": 65536}, "--port"),
        ({"port": -1}, "--port"),
        ({"workers": 0}, "--workers"),
        ({"workers": 2, "backend_store_uri": "memory:"}, "--workers 1"),
        ({"static_prefix": "x"}, "--static-prefix"),
        ({"static_prefix": "/x/"}, "--static-prefix"),
        ({"static_prefix": "/"}, "--static-prefix"),
        ({"log_format": "xml"}, "log format"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        ServerSettings(**{"backend_store_uri": "sqlite:///x.db", **wrong})  # type: ignore[arg-type]


def test_a_destination_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with RunningServer(tmp_path, artifacts_destination="s3://bucket/x") as server:
        assert server.stop() == 1
    assert "refused: This server keeps artifacts in a folder of its machine, not at 's3' addresses yet." in server.log


def test_a_server_in_memory_serves(tmp_path: Path) -> None:
    with RunningServer(tmp_path, backend_store_uri="memory:") as server:
        assert server.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1}).status == 200


def test_a_server_is_ready_within_a_second_and_idles_in_120_megabytes(tmp_path: Path) -> None:
    RunningServer(tmp_path).stop()  # makes the store and warms the file cache
    ready_s = []
    for _ in range(5):  # the best of some, for other things may run on this machine
        started = time.monotonic()
        with RunningServer(tmp_path) as server:
            ready_s.append(time.monotonic() - started)
            server.request("GET", "/api/2.0/mlflow/experiments/search?max_results=1")
            used = psutil.Process(server.process.pid).memory_full_info()
        if ready_s[-1] < 1:
            break

    assert min(ready_s) < 1
    assert used.pss < 120_000_000


def test_readers_are_answered_while_another_process_keeps_the_store_locked(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server, contextlib.ExitStack() as waiting:
        other = waiting.enter_context(contextlib.closing(sqlite3.connect(server.database, isolation_level=None)))
        other.execute("BEGIN IMMEDIATE")
        writers = waiting.enter_context(ThreadPoolExecutor(12))
        writes = [
            writers.submit(server.post, "/api/2.0/mlflow/experiments/create", {"name": str(n)}) for n in range(12)
        ]
        time.sleep(0.5)
        began = time.monotonic()
        assert server.post("/api/2.0/mlflow/experiments/search", {"max_results": 5}).status == 200
        assert time.monotonic() - began < 2
        assert not any(write.done() for write in writes)
        other.execute("ROLLBACK")
        assert [write.result().status for write in writes] == [200] * 12
