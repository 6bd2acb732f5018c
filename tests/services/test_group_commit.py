from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.storage.servers import PostgresqlServer

from runebook.api.frames import LogFrame, RunPart, SeriesPart
from runebook.api.metrics import LogMetric
from runebook.api.operation import Nothing, Operation
from runebook.api.params import LogParam
from runebook.api.permissions import Permission
from runebook.api.runs import CreateRun, DeleteRun, GetRun, LogBatch, UpdateRun
from runebook.api.tags import SetTag
from runebook.artifacts.resolver import ArtifactResolver
from runebook.core.columns import Columns
from runebook.core.errors import (
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    RunebookError,
    TemporarilyUnavailable,
)
from runebook.core.ids import ExperimentId, RunId
from runebook.core.metrics import Metric, Point
from runebook.core.runs import RunData, RunStatus
from runebook.services import dispatch, group_commit
from runebook.services.context import OWNER, Caller
from runebook.services.dispatch import Services
from runebook.services.group_commit import GroupCommit, Write, commit_together
from runebook.storage.base import Transaction
from runebook.storage.opening import open_storage
from runebook.storage.sql import connections
from runebook.testing.records import history


class Store:
    """Services over a SQLite file, which tests may lock or spoil from outside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        storage = open_storage(f"sqlite:///{path}", artifact_root="mlflow-artifacts:")
        self.services = Services(storage, ArtifactResolver(served=None, roots=[]))

    def outside(self, *statements: str) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield

    def new_run(self) -> RunId:
        run_id: RunId = self.services.call(CreateRun(experiment_id=ExperimentId("0"))).run.info.run_id
        return run_id

    def data(self, run_id: RunId) -> RunData:
        data: RunData = self.services.call(GetRun(run_id=run_id)).run.data
        return data

    def steps(self, run_id: RunId, key: str = "loss") -> list[int]:
        return [step for step, _, _ in history(self.services.storage, run_id, key)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.services.close()


class Deliveries:
    """What was delivered, by its token."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Any] = {}
        self.groups: list[int] = []

    def __call__(self, outcomes: list[tuple[int, Any]]) -> None:
        assert not self.outcomes.keys() & {token for token, _ in outcomes}
        self.outcomes.update(outcomes)
        self.groups.append(len(outcomes))

    def wait_for(self, count: int) -> None:
        until = time.monotonic() + 30
        while len(self.outcomes) < count:
            assert time.monotonic() < until, self.groups
            time.sleep(0.001)


def point(run_id: RunId, step: int, key: str = "loss") -> LogMetric:
    return LogMetric(run_id=run_id, key=key, value=step / 2, timestamp=step, step=step)


def frame(run_id: RunId, first: int, last: int, writer: str = "w1") -> LogFrame:
    numbers = range(first, last + 1)
    steps, times, values = Columns(array("q", numbers), array("q", numbers), array("d", numbers)).to_bytes()
    part = RunPart(run_id=run_id, series=[SeriesPart(key="loss", steps=steps, times=times, values=values)])
    return LogFrame(writer=writer, first=first, last=last, runs=[part])


def together(store: Store, requests: Sequence[Operation]) -> list[Any]:
    return commit_together(store.services, [Write(request, OWNER, 100) for request in requests])


def test_each_of_a_group_has_its_own_reply_and_effect(store: Store) -> None:
    runs = [store.new_run() for _ in range(3)]
    outcomes = together(
        store,
        [
            point(runs[0], 1),
            LogBatch(run_id=runs[1], metrics=[Metric(key="loss", value=0.5, timestamp=2, step=2)]),
            LogParam(run_id=runs[0], key="lr", value="0.1"),
            SetTag(run_id=runs[2], key="kind", value="test"),
            frame(runs[2], 1, 4),
            CreateRun(experiment_id=ExperimentId("0"), run_name="made in a group"),
            UpdateRun(run_id=runs[1], status=RunStatus.FINISHED, end_time=9),
        ],
    )

    assert outcomes[:4] == [Nothing()] * 4
    assert outcomes[4] == LogFrame.Reply(acknowledged=4)
    assert outcomes[5].run.info.run_name == "made in a group"
    assert outcomes[6].run_info.status is RunStatus.FINISHED
    assert [store.steps(run_id) for run_id in runs] == [[1], [2], [1, 2, 3, 4]]
    assert store.data(runs[0]).params[0].value == "0.1"
    assert {tag.key for tag in store.data(runs[2]).tags} == {"kind", "mlflow.runName"}


def test_a_refused_write_leaves_no_trace_and_the_others_are_kept(store: Store) -> None:
    run_id, deleted = store.new_run(), store.new_run()
    store.services.call(DeleteRun(run_id=deleted))
    requests: list[Operation] = [point(run_id, step) for step in range(20)]
    requests[3] = point(RunId("0" * 32), 1)
    requests[7] = point(deleted, 1)
    requests[8] = LogBatch(run_id=run_id, metrics=[Metric(key="loss", value=1, timestamp=1, step=1)] * 1001)
    requests[12] = CreateRun(experiment_id=ExperimentId("77"))
    requests[13] = UpdateRun(run_id=RunId("f" * 32), status=RunStatus.FAILED)

    outcomes = together(store, requests)

    refused = {place: type(outcome) for place, outcome in enumerate(outcomes) if isinstance(outcome, Exception)}
    assert refused == {
        3: NotFound,
        7: InvalidParameterValue,
        8: InvalidParameterValue,
        12: NotFound,
        13: NotFound,
    }
    assert store.steps(run_id) == [step for step in range(20) if step not in refused]
    assert store.steps(deleted) == []


def test_a_write_that_breaks_its_group_is_the_only_one_that_fails(store: Store) -> None:
    run_id = store.new_run()
    store.outside(
        "CREATE TRIGGER breaks BEFORE INSERT ON params WHEN new.value = 'bad' BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    requests: list[Operation] = [point(run_id, step) for step in range(30)]
    requests[10] = LogParam(run_id=run_id, key="p", value="bad")
    requests[20] = LogParam(run_id=run_id, key="q", value="good")

    outcomes = together(store, requests)

    assert "broken" in str(outcomes[10])
    assert not isinstance(outcomes[10], RunebookError)
    assert [outcome for place, outcome in enumerate(outcomes) if place != 10] == [Nothing()] * 29
    assert store.steps(run_id) == [step for step in range(30) if step not in {10, 20}]
    assert [param.value for param in store.data(run_id).params] == ["good"]


def test_what_is_logged_to_one_run_is_logged_in_order(store: Store) -> None:
    run_id = store.new_run()
    tags = [SetTag(run_id=run_id, key="step", value=str(number)) for number in range(50)]
    params = [LogParam(run_id=run_id, key="p", value=value) for value in ("first", "second", "first")]

    outcomes = together(store, [*tags, *params])

    assert [tag.value for tag in store.data(run_id).tags if tag.key == "step"] == ["49"]
    assert [param.value for param in store.data(run_id).params] == ["first"]
    assert [isinstance(outcome, InvalidParameterValue) for outcome in outcomes[50:]] == [False, True, False]


def test_a_frame_that_is_there_twice_is_added_once(store: Store) -> None:
    run_id = store.new_run()

    outcomes = together(store, [frame(run_id, 1, 3), frame(run_id, 1, 3), frame(run_id, 4, 5), frame(run_id, 1, 3)])

    assert [outcome.acknowledged for outcome in outcomes] == [3, 3, 5, 5]
    assert store.data(run_id).metrics[0].step == 5
    points = history(store.services.storage, run_id, "loss")
    assert points == [Point(step, step, float(step)) for step in range(1, 6)]


class Guests:
    """Grants all to the owner, and nothing to anybody else."""

    def authorize(self, caller: Caller, needs: Permission, request: Operation, tx: Transaction) -> None:
        if caller != OWNER:
            raise PermissionDenied(f"{caller.name} may not {needs.level.value}.")

    def authorize_path(self, caller: Caller, needs: Permission, path: str, tx: Transaction) -> None:
        raise PermissionDenied(path)


def test_each_write_needs_its_own_callers_permission(store: Store) -> None:
    run_id = store.new_run()
    guarded = Services(store.services.storage, store.services.artifacts, authorizer=Guests())
    guest = Caller("guest")

    outcomes = commit_together(
        guarded,
        [
            Write(point(run_id, 1), OWNER, 1),
            Write(point(run_id, 2), guest, 1),
            Write(CreateRun(experiment_id=ExperimentId("0")), guest, 1),
            Write(point(run_id, 3), OWNER, 1),
        ],
    )

    assert [isinstance(outcome, PermissionDenied) for outcome in outcomes] == [False, True, True, False]
    assert store.steps(run_id) == [1, 3]


def test_a_group_waits_out_a_lock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = store.new_run()
    monkeypatch.setattr(connections, "WAIT_SECONDS", 0.3)
    impatient = Services(
        open_storage(f"sqlite:///{store.path}", artifact_root="/x"), ArtifactResolver(served=None, roots=[])
    )
    outcomes: list[Any] = []
    requests = [Write(point(run_id, step), OWNER, 1) for step in range(5)]
    waiting = threading.Thread(target=lambda: outcomes.extend(commit_together(impatient, requests)))

    with store.locked():
        waiting.start()
        time.sleep(0.5)
        assert outcomes == []
    waiting.join()

    assert outcomes == [Nothing()] * 5
    assert store.steps(run_id) == list(range(5))
    impatient.close()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    server = PostgresqlServer()
    yield server.new_database()
    server.stop()


def test_a_run_that_another_transaction_holds_does_not_keep_the_others_waiting_for_long(postgresql: str) -> None:
    services = Services(open_storage(postgresql, artifact_root="/x"), ArtifactResolver(served=None, roots=[]))
    runs = [services.call(CreateRun(experiment_id=ExperimentId("0"))).run.info.run_id for _ in range(8)]
    began = time.monotonic()
    with psycopg.connect(postgresql) as other:
        other.execute("SELECT 1 FROM runs WHERE run_id = %s FOR UPDATE", (runs[5],))
        outcomes = commit_together(services, [Write(point(run_id, 1), OWNER, 1) for run_id in runs])

    assert time.monotonic() - began < 15
    assert [isinstance(outcome, TemporarilyUnavailable) for outcome in outcomes] == [n == 5 for n in range(8)]
    assert [len(history(services.storage, run_id, "loss")) for run_id in runs] == [n != 5 for n in range(8)]
    assert commit_together(services, [Write(point(runs[5], 1), OWNER, 1)]) == [Nothing()]
    services.close()


def test_while_the_store_is_away_all_that_wait_are_told_so_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(dispatch, "PATIENCE_S", 0.3)
    monkeypatch.setattr(group_commit, "PATIENCE_S", 0.3)
    monkeypatch.setattr(group_commit, "MAX_GROUP", 4)
    store = Store(tmp_path / "store.db")
    run_id = store.new_run()
    deliveries = Deliveries()
    group = GroupCommit(store.services, deliveries)
    group.start()
    began = time.monotonic()
    with store.locked():
        for step in range(100):
            group.put(step, Write(point(run_id, step), OWNER, 1))
        deliveries.wait_for(100)

    assert time.monotonic() - began < 3
    errors = list(deliveries.outcomes.values())
    assert all(isinstance(error, TemporarilyUnavailable) for error in errors)
    assert len({id(error) for error in errors}) == 100
    assert store.steps(run_id) == []
    group.put(100, Write(point(run_id, 100), OWNER, 1))
    group.stop()
    assert store.steps(run_id) == [100]
    store.services.close()


def test_a_stop_commits_and_delivers_all_that_was_put_and_takes_no_more(store: Store) -> None:
    run_id = store.new_run()
    deliveries = Deliveries()
    group = GroupCommit(store.services, deliveries)
    for step in range(1000):
        group.put(step, Write(point(run_id, step), OWNER, 1))
    group.start()
    group.stop()

    assert deliveries.outcomes == dict.fromkeys(range(1000), Nothing())
    assert store.steps(run_id) == list(range(1000))
    assert max(deliveries.groups) <= group_commit.MAX_GROUP
    with pytest.raises(TemporarilyUnavailable, match="stopping"):
        group.put(1000, Write(point(run_id, 1000), OWNER, 1))


def test_more_than_may_wait_is_refused_for_the_moment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 3)
    monkeypatch.setattr(group_commit, "MAX_WAITING_BYTES", 100)
    run_id = store.new_run()
    deliveries = Deliveries()
    group = GroupCommit(store.services, deliveries)
    group.put(1, Write(point(run_id, 1), OWNER, 60))
    with pytest.raises(TemporarilyUnavailable, match="behind"):
        group.put(0, Write(point(run_id, 0), OWNER, 60))
    group.put(2, Write(point(run_id, 2), OWNER, 20))
    group.put(3, Write(point(run_id, 3), OWNER, 20))
    with pytest.raises(TemporarilyUnavailable, match="behind"):
        group.put(0, Write(point(run_id, 0), OWNER, 0))
    group.start()
    deliveries.wait_for(3)
    group.put(4, Write(point(run_id, 4), OWNER, 100))
    group.stop()

    assert store.steps(run_id) == [1, 2, 3, 4]


def test_groups_are_bounded_in_bytes_and_what_is_larger_goes_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_GROUP_BYTES", 100)
    run_id = store.new_run()
    deliveries = Deliveries()
    group = GroupCommit(store.services, deliveries)
    for step, size in enumerate((40, 40, 40, 500, 10, 90, 10)):
        group.put(step, Write(point(run_id, step), OWNER, size))
    group.start()
    group.stop()

    assert deliveries.groups == [2, 1, 1, 2, 1]


def test_writers_in_many_threads_all_get_their_answers(store: Store) -> None:
    runs = [store.new_run() for _ in range(8)]
    deliveries = Deliveries()
    group = GroupCommit(store.services, deliveries)
    group.start()

    def write(number: int) -> None:
        for step in range(100):
            group.put(number * 100 + step, Write(point(runs[number], step), OWNER, 1))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    group.stop()

    assert deliveries.outcomes == dict.fromkeys(range(800), Nothing())
    assert all(store.steps(run_id) == list(range(100)) for run_id in runs)
    assert len(deliveries.groups) < 400
