"""Writers that send native frames to a server, in a process of their own: prints what was done as JSON.

All bodies are made before the clock starts, so that the load costs little more than the copies of the sockets.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time

import numpy as np

from runebook.api.codec import encode_binary_request
from runebook.api.compression import compress
from runebook.api.frames import LogFrame, RunPart, RunStart, SeriesPart
from runebook.core.ids import new_run_id, new_writer_id

_KEYS = 8
_POINTS = 20_000
_STEP_MS = 40
_START_MS = 1_767_225_600_000
_PATIENCE_S = 120
_HEADERS = {"Content-Type": "application/msgpack", "Content-Encoding": "zstd"}


class Writer:
    """One writer with one run, and its frames, ready to be sent."""

    def __init__(self, number: int, frames: int) -> None:
        self._noise = np.random.default_rng(number)
        self._run_id = new_run_id()
        self._id = new_writer_id()
        self.bodies = [self._body(frame) for frame in range(frames)]
        self.acknowledged = 0

    def _body(self, frame: int) -> bytes:
        steps = np.arange(frame * _POINTS, (frame + 1) * _POINTS, dtype="<i8")
        times = _START_MS + steps * _STEP_MS + self._noise.integers(0, 5, _POINTS)
        series = [
            SeriesPart(key=f"metric_{key}", steps=steps.tobytes(), times=times.tobytes(), values=self._values())
            for key in range(_KEYS)
        ]
        start = RunStart(experiment_id="0", start_time=_START_MS) if frame == 0 else None
        points = _KEYS * _POINTS
        request = LogFrame(
            writer=self._id,
            first=frame * points + 1,
            last=(frame + 1) * points,
            runs=[RunPart(run_id=self._run_id, start=start, series=series)],
        )
        return compress(encode_binary_request(request))

    def _values(self) -> bytes:
        """A noisy curve in float32, as a training reports it."""
        smooth = np.exp(-np.linspace(0, 3, _POINTS))
        values = (smooth + self._noise.normal(0, 0.05, _POINTS)).astype(np.float32)
        return values.astype("<f8").tobytes()

    def send(self, port: int) -> None:
        """Send all, one after the other; raises RuntimeError when the server does not take one."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
        for body in self.bodies:
            connection.request("POST", "/api/runebook/v1/frames/log", body, _HEADERS)
            reply = connection.getresponse()
            answer = reply.read()
            if reply.status != 200:
                raise RuntimeError(f"{reply.status} {answer[:500]!r}")
            self.acknowledged = int(json.loads(answer)["acknowledged"])
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--writers", type=int, required=True)
    parser.add_argument("--frames", type=int, required=True)
    arguments = parser.parse_args()
    writers = [Writer(number, arguments.frames) for number in range(arguments.writers)]
    threads = [threading.Thread(target=writer.send, args=(arguments.port,)) for writer in writers]
    cpu_s, started = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
    points = sum(writer.acknowledged for writer in writers)
    if points != len(writers) * arguments.frames * _KEYS * _POINTS:
        raise SystemExit(f"only {points} points were acknowledged")
    sent_bytes = sum(len(body) for writer in writers for body in writer.bodies)
    found = {"done": points, "failed": 0, "points": points, "seconds": seconds, "cpu_s": cpu_s}
    print(json.dumps(found | {"sent_bytes": sent_bytes}))


if __name__ == "__main__":
    main()
