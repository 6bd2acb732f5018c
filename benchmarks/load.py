"""The load on a server, in a process of its own, bounded in time: prints what was done as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable

from connection import Connection, request

_FIRST_NUMBER = 10_000_000
"""Requests of one run are numbered from here, so that a number has always as many digits."""

_PATIENCE_S = 60
_ATTEMPTS = 5


class Line:
    """A connection that is made again when the server drops it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: Connection | None = None

    async def ask(self, message: bytes) -> tuple[int, bytes]:
        """Status and body; status 0 when the connection broke or nothing came in time."""
        try:
            if self._connection is None:
                self._connection = await Connection.to(self._port)
            return await asyncio.wait_for(self._connection.ask(message), _PATIENCE_S)
        except (OSError, asyncio.TimeoutError) as error:
            self.close()
            return 0, repr(error).encode()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Load:
    """What the connections did together."""

    def __init__(self, port: int, connections: int, seconds: float, at_most: int) -> None:
        self.port = port
        self.connections = connections
        self.seconds = seconds
        self.at_most = at_most
        self.times_ms: list[float] = []
        self.failed = 0
        self.read_bytes = 0

    async def ask(self, line: Line, message: bytes) -> bytes | None:
        """Ask and count; an answer other than 200 is a failure, and so is none."""
        started = time.perf_counter()
        status, body = await line.ask(message)
        if status != 200:
            self.failed += 1
            return None
        self.times_ms.append((time.perf_counter() - started) * 1000)
        self.read_bytes += len(body)
        return body

    async def together(self, job: Callable[[Line, int, float], Awaitable[None]]) -> float:
        """Run one job a connection until the time is up; returns the seconds that it took."""
        started = time.perf_counter()
        deadline = started + self.seconds

        async def one(index: int) -> None:
            line = Line(self.port)
            await job(line, index, deadline)
            line.close()

        await asyncio.gather(*(one(index) for index in range(self.connections)))
        return time.perf_counter() - started

    def more(self, deadline: float) -> bool:
        return time.perf_counter() < deadline and len(self.times_ms) + self.failed < self.at_most


async def _create(line: Line, experiment_id: str, name: str) -> str | None:
    body = {"experiment_id": experiment_id, "run_name": name, "start_time": int(time.time() * 1000)}
    status, answer = await line.ask(request("POST", "runs/create", json.dumps(body).encode()))
    return str(json.loads(answer)["run"]["info"]["run_id"]) if status == 200 else None


async def _create_surely(line: Line, experiment_id: str, name: str) -> str:
    for _ in range(_ATTEMPTS):
        run_id = await _create(line, experiment_id, name)
        if run_id is not None:
            return run_id
    raise RuntimeError("no run could be created")


def _batch(run_id: str, points: int) -> bytes:
    """A batch in which `@` stands for the thousands of steps and times: requests are made of it by one replacement."""
    metrics = ",".join(
        f'{{"key":"loss","value":{random.random()},"timestamp":17@{index:03},"step":@{index:03}}}'
        for index in range(points)
    )
    return f'{{"run_id":"{run_id}","metrics":[{metrics}]}}'.encode()


def _point(run_id: str) -> bytes:
    """One point, likewise; `@` stands for step and time."""
    return f'{{"run_id":"{run_id}","key":"loss","value":{random.random()},"timestamp":17000@,"step":@}}'.encode()


async def metrics(load: Load, experiment_id: str, points: int) -> float:
    """Each connection is a job with a run of its own that logs `points` points a request, request after request."""
    first = Line(load.port)
    run_ids = [await _create_surely(first, experiment_id, f"job {index}") for index in range(load.connections)]
    first.close()
    path = "runs/log-metric" if points == 1 else "runs/log-batch"

    async def job(line: Line, index: int, deadline: float) -> None:
        template = _point(run_ids[index]) if points == 1 else _batch(run_ids[index], points)
        number = _FIRST_NUMBER
        while load.more(deadline):
            await load.ask(line, request("POST", path, template.replace(b"@", b"%d" % number)))
            number += 1

    return await load.together(job)


async def lives(load: Load, experiment_id: str) -> float:
    """Each connection creates a run, logs a small batch and finishes it, again and again."""

    async def job(line: Line, index: int, deadline: float) -> None:
        number = 0
        while load.more(deadline):
            number += 1
            started = time.perf_counter()
            run_id = await _create(line, experiment_id, f"life {index} {number}")
            if run_id is None:
                load.failed += 1
                continue
            batch = {
                "run_id": run_id,
                "metrics": [{"key": "acc", "value": random.random(), "timestamp": number, "step": 0}],
                "params": [{"key": f"p{n}", "value": str(random.random())} for n in range(5)],
                "tags": [{"key": "kind", "value": "bench"}],
            }
            done = {"run_id": run_id, "status": "FINISHED", "end_time": int(time.time() * 1000)}
            statuses = [
                (await line.ask(request("POST", path, json.dumps(body).encode())))[0]
                for path, body in (("runs/log-batch", batch), ("runs/update", done))
            ]
            if statuses == [200, 200]:
                load.times_ms.append((time.perf_counter() - started) * 1000)
            else:
                load.failed += 1

    return await load.together(job)


async def repeat(load: Load, method: str, path: str, body: str) -> float:
    """Every connection asks the same again and again."""
    message = request(method, path, body.encode())

    async def job(line: Line, index: int, deadline: float) -> None:
        del index
        while load.more(deadline):
            await load.ask(line, message)

    return await load.together(job)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=["metrics", "lives", "repeat"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--at-most", type=int, default=1_000_000)
    parser.add_argument("--experiment", default="0")
    parser.add_argument("--points", type=int, default=1)
    parser.add_argument("--request", nargs=3, metavar=("METHOD", "PATH", "BODY"))
    arguments = parser.parse_args()
    load = Load(arguments.port, arguments.connections, arguments.seconds, arguments.at_most)
    if arguments.work == "metrics":
        work = metrics(load, arguments.experiment, arguments.points)
    elif arguments.work == "lives":
        work = lives(load, arguments.experiment)
    else:
        work = repeat(load, *arguments.request)
    cpu_s = time.process_time()
    seconds = asyncio.run(work)
    cpu_s = time.process_time() - cpu_s
    p50_ms = statistics.median(load.times_ms) if load.times_ms else None
    found = {"done": len(load.times_ms), "failed": load.failed, "seconds": seconds, "p50_ms": p50_ms, "cpu_s": cpu_s}
    print(json.dumps(found | {"read_bytes": load.read_bytes}))


if __name__ == "__main__":
    main()
