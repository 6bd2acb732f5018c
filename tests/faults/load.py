"""Sixteen writers at work on one server, each in its own way, while something happens to it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.faults import tracking
from tests.faults.clients import client_environment
from tests.faults.plain_writers import KINDS, FrameWriter, PlainWriter
from tests.faults.stored_points import open_store, statuses, stored_points

from runebook.core.runs import RunStatus

PROCESSES = 4
THREADS = 2
PLAIN = 8
HANG_SECONDS = 180.0


class Load:
    """Four processes of two threads track through their spools; eight threads send requests of three kinds."""

    def __init__(self, folder: Path, port: int, *, pause_ms: int = 5) -> None:
        self._folder = folder
        self._environment = client_environment(folder, RUNEBOOK_FLUSH_TIMEOUT=str(HANG_SECONDS))
        arguments = [sys.executable, tracking.__file__, f"http://127.0.0.1:{port}"]
        self._tracking = [
            subprocess.Popen(
                [*arguments, str(number * THREADS), str(THREADS), str(pause_ms)],
                cwd=folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(PROCESSES)
        ]
        first = PROCESSES * THREADS
        self.plain: list[PlainWriter] = [KINDS[number % 3](port, first + number) for number in range(PLAIN)]

    def __enter__(self) -> Load:
        for writer in self.plain:
            writer.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for process in self._tracking:
            process.kill()
            process.wait()
        for writer in self.plain:
            writer.stop()

    def acknowledged(self) -> int:
        """Points whose requests were answered so far."""
        return sum(writer.acknowledged for writer in self.plain)

    def wait_for_progress(self, before: int) -> None:
        """Until some requests were answered since `before` was acknowledged."""
        until = time.monotonic() + HANG_SECONDS
        while self.acknowledged() <= before:
            assert time.monotonic() < until, "nothing is acknowledged any more"
            time.sleep(0.005)

    def finish(self, stored: str) -> int:
        """Let all writers come to their end, and look for every point in the store. Returns how many there are."""
        for writer in self.plain:
            writer.stop()
        for writer in self.plain:
            writer.join()
        tracked = [self._told(process) for process in self._tracking]
        assert list((self._folder / "spool").iterdir()) == []
        storage = open_store(stored)
        try:
            total = 0
            ended = statuses(storage)
            assert len(ended) == PROCESSES * THREADS + PLAIN
            for run in (run for told in tracked for run in told["runs"]):
                found = stored_points(storage, run["run_id"], tracking.KEY, run["writer"])
                assert found == (run["points"], run["points"]), run
                assert ended[run["run_id"]] is RunStatus.FINISHED
                total += found.numbers
            for writer in self.plain:
                found = stored_points(storage, writer.run_id, tracking.KEY, writer.writer)
                assert found.numbers == writer.acknowledged, writer.writer
                if isinstance(writer, FrameWriter):
                    assert found.counted == found.numbers, writer.writer
                total += found.numbers
            return total
        finally:
            storage.close()

    def _told(self, process: subprocess.Popen[str]) -> Any:
        output, error = process.communicate("", timeout=HANG_SECONDS)
        assert process.returncode == 0, error
        return json.loads(output)
