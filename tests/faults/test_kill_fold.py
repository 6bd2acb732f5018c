"""A fold may be killed anywhere, and several servers may fold at once: readers see the same points at all times."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from tests.faults import folding
from tests.faults.plain_writers import KINDS, PlainWriter
from tests.faults.programs import Program, client_environment
from tests.faults.stored_points import is_whole, open_store, stored_points, value_of
from tests.server.running import RunningServer
from tests.storage.servers import PostgresqlServer

from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import add_run, history, log, metric

SEED = 13
KEYS = ("m", "n")
FRAMES = 40
POINTS = 50
"""Of each key in a frame."""

RANDOM_KILLS = 30
STORES = ("sqlite", "postgresql")
SECONDS_OF_LOAD = 5.0
SERVER_KILLS = 3
HANG_SECONDS = 60.0

ReadT = TypeVar("ReadT")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer]:
    server = PostgresqlServer()
    yield server
    server.stop()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runebook.db"
    database: PostgresqlServer = request.getfixturevalue("postgresql")
    return database.new_database()


class Series:
    """What is put into a run, bit by bit and in no order, and has to be there from then on."""

    def __init__(self, storage: SqlStorage, seed: int) -> None:
        self.storage = storage
        self.run_id = add_run(storage)
        self.expected: list[tuple[int, int, float]] = []
        self._rng = random.Random(seed)

    def grow(self) -> None:
        """Points that lie between those which are there and behind them, some of them twice."""
        first = len(self.expected)
        numbers = list(range(first, first + FRAMES * POINTS))
        self._rng.shuffle(numbers)
        for start in range(0, len(numbers), POINTS):
            points = [self._point(number) for number in numbers[start : start + POINTS]]
            again = [self._point(number) for number in self._rng.sample(numbers, 3)]
            log(
                self.storage,
                self.run_id,
                [metric(key, value, step, moment) for key in KEYS for moment, step, value in points + again],
            )
        self.expected = sorted(map(self._point, range(first + len(numbers))))

    def check(self) -> None:
        for key in KEYS:
            assert history(self.storage, self.run_id, key) == self.expected

    def _point(self, number: int) -> tuple[int, int, float]:
        """Its time is no order of numbers, so that what comes later stands in between."""
        return number * 7919 % 100_003, number, value_of(3, number)


def test_a_fold_that_is_killed_before_any_of_its_statements_changes_nothing(store: str, tmp_path: Path) -> None:
    storage = open_store(store)
    series = Series(storage, SEED)
    killed = 0
    with Program(tmp_path, client_environment(tmp_path), folding.__file__, store, 0) as program:
        for _ in range(3):
            series.grow()
            with watched(store, series):
                while (told := program.hear())["killed"]:
                    killed += 1
                    series.check()
                    program.tell()
            assert told["code"] == 0, program.log
            series.check()
            assert unfolded(storage) == 0
            program.tell()
    counted = stored_count(storage, series.run_id)
    storage.close()
    assert counted == dict.fromkeys(KEYS, len(series.expected))
    assert killed > 3 * 8
    if store.startswith("sqlite"):
        assert is_whole(tmp_path / "runebook.db")
    print(f"{killed} kills, {len(KEYS) * len(series.expected)} points")


def test_a_fold_that_is_killed_at_any_instant_changes_nothing(store: str, tmp_path: Path) -> None:
    storage = open_store(store)
    many = [Series(storage, SEED + number) for number in range(4)]
    ended = []
    with Program(tmp_path, client_environment(tmp_path), folding.__file__, store, SEED) as program:
        for kill in range(RANDOM_KILLS):
            many[kill % len(many)].grow()
            ended.append(program.hear()["killed"])
            for series in many:
                series.check()
            program.tell()
    storage.close()
    assert sum(ended) > RANDOM_KILLS / 4, f"seed {SEED}: nothing was killed"
    print(f"{sum(ended)} kills, {sum(len(series.expected) for series in many) * len(KEYS)} points")


def test_two_servers_fold_at_once_under_load_and_one_of_them_is_killed(store: str, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    settings = {"backend_store_uri": store, "fold_interval_s": 0.02}
    servers = [RunningServer(folder, **settings) for folder in folders]
    writers = [KINDS[number % 3](servers[number % 2].port, number, pause_s=0.002) for number in range(6)]
    try:
        for writer in writers:
            writer.start()
        with read_all_the_time(store, writers) as reads:
            for _ in range(SERVER_KILLS):
                time.sleep(SECONDS_OF_LOAD / SERVER_KILLS * rng.uniform(0.5, 1.0))
                servers[1].stop(signal.SIGKILL)
                servers[1] = RunningServer(folders[1], port=servers[1].port, **settings)
            for writer in writers:
                writer.stop()
            for writer in writers:
                writer.join()
        assert not any("folding failed" in server.log for server in servers), servers[0].log
    finally:
        for writer in writers:
            writer.stop()
        for server in servers:
            server.stop()
    storage = open_store(store)
    for writer in writers:
        assert stored_points(storage, writer.run_id, "m", writer.writer).numbers == writer.acknowledged
    with storage.read() as tx:
        (chunks,) = tx.db.fetch_one("SELECT COUNT(*) FROM metric_chunks") or (0,)
    storage.close()
    assert chunks > 0
    assert len(reads) > 10
    print(f"{sum(reads)} points in {len(reads)} reads, {sum(writer.acknowledged for writer in writers)} points")


@contextmanager
def watched(store: str, series: Series) -> Iterator[None]:
    """Read the series all the time; every read must see all of it."""

    def read(storage: SqlStorage) -> bool:
        return all(history(storage, series.run_id, key) == series.expected for key in KEYS)

    with in_a_thread(read, store) as seen:
        yield
    assert all(seen)


@contextmanager
def read_all_the_time(store: str, writers: list[PlainWriter]) -> Iterator[list[int]]:
    """Read what writers log all the time: a read sees what was acknowledged before, each once. Yields their sizes."""

    def read(storage: SqlStorage) -> int:
        count = 0
        for writer in writers:
            acknowledged = writer.acknowledged
            found = stored_points(storage, writer.run_id, "m", writer.writer).numbers
            assert found >= acknowledged, (writer.writer, found, acknowledged)
            count += found
        return count

    with in_a_thread(read, store) as seen:
        yield seen


@contextmanager
def in_a_thread(read: Callable[[SqlStorage], ReadT], store: str) -> Iterator[list[ReadT]]:
    """Do it again and again, on a store of its own; what it raises is raised at the end."""
    stopping = threading.Event()
    seen: list[ReadT] = []

    def run() -> None:
        storage = open_store(store)
        try:
            while not stopping.is_set():
                seen.append(read(storage))
        finally:
            storage.close()

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(run)
        try:
            yield seen
        finally:
            stopping.set()
            reading.result(HANG_SECONDS)


def unfolded(storage: SqlStorage) -> int:
    """How many frames are left."""
    with storage.read() as tx:
        (frames,) = tx.db.fetch_one("SELECT COUNT(*) FROM metric_frames") or (0,)
    return int(frames)


def stored_count(storage: SqlStorage, run_id: str) -> dict[str, int]:
    """How many points the store has counted of each series."""
    with storage.read() as tx:
        rows = tx.db.fetch(
            "SELECT n.name, s.points FROM metric_summaries s JOIN runs r ON r.id = s.run"
            " JOIN names n ON n.id = s.name_id WHERE r.run_id = :run_id",
            run_id=run_id,
        )
    return {name: int(points) for name, points in rows}
