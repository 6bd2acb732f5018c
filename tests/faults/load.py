"""Sixteen writers at work on one server, each in its own way, while something happens to it."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from tests.faults import tracking
from tests.faults.plain_writers import KINDS, FrameWriter, PlainWriter
from tests.faults.programs import Program, client_environment
from tests.faults.stored_points import open_store, statuses, stored_points
from tests.faults.tracked import check_tracked, told_by

PROCESSES = 4
THREADS = 2
PLAIN = 8
HANG_SECONDS = 180.0


class Load:
    """Four processes of two threads track through their spools; eight threads send requests of three kinds."""

    def __init__(self, folder: Path, port: int, *, pause_ms: int = 5) -> None:
        self._folder = folder
        environment = client_environment(folder, RUNEBOOK_FLUSH_TIMEOUT=str(HANG_SECONDS))
        store = f"http://127.0.0.1:{port}"
        self._tracking = [
            Program(folder, environment, tracking.__file__, store, number * THREADS, THREADS, pause_ms)
            for number in range(PROCESSES)
        ]
        first = PROCESSES * THREADS
        self.plain: list[PlainWriter] = [KINDS[number % 3](port, first + number) for number in range(PLAIN)]

    def __enter__(self) -> Load:
        for writer in self.plain:
            writer.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for program in self._tracking:
            program.__exit__()
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
        runs = [run for told in told_by(self._tracking, HANG_SECONDS) for run in told.runs]
        assert list((self._folder / "spool").iterdir()) == []
        storage = open_store(stored)
        try:
            assert len(statuses(storage)) == PROCESSES * THREADS + PLAIN
            total = sum(check_tracked(storage, run) for run in runs)
            for writer in self.plain:
                found = stored_points(storage, writer.run_id, tracking.KEY, writer.writer)
                assert found.numbers == writer.acknowledged, writer.writer
                if isinstance(writer, FrameWriter):
                    assert found.counted == found.numbers, writer.writer
                total += found.numbers
            return total
        finally:
            storage.close()
