"""The contract of `Storage` and `Transaction`: all or nothing, durable, shared by threads and processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from runebook.core.datasets import ModelOutput
from runebook.core.errors import NotFound
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import WriterId
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import Tag
from runebook.storage.base import ParamConflict, Storage, Transaction, TransactionConflict
from runebook.testing.backend import Backend
from runebook.testing.records import (
    NOW_MS,
    add_experiment,
    add_params,
    add_run,
    everything,
    history,
    log,
    metric,
    new_run,
    series,
    used,
)

_ATTEMPTS = 50

ResultT = TypeVar("ResultT")


def retried(work: Callable[[], ResultT]) -> ResultT:
    """What services do: a conflict means the whole block again."""
    for attempt in range(_ATTEMPTS):
        try:
            return work()
        except TransactionConflict:
            time.sleep(0.005 * attempt)
    raise AssertionError(f"{_ATTEMPTS} conflicts in a row")


class Abandoned(Exception):
    """What a test raises to see a transaction undone."""


def abandoned(storage: Storage, work: Callable[[Transaction], None]) -> None:
    """Do the work in a write transaction that then raises."""
    try:
        with storage.write() as tx:
            work(tx)
            raise Abandoned
    except Abandoned:
        return
    raise AssertionError("the error of the block was swallowed")


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run the work in many threads at once, and raise what one of them raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001  # raised below, in the test's thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class StorageContract:
    def test_it_says_what_it_is(self, storage: Storage) -> None:
        assert storage.store_type in ("SqlStore", "FileStore")
        assert not storage.artifact_root.endswith("/")

    def test_a_block_that_raises_leaves_no_trace(self, backend: Backend) -> None:
        storage = backend.storage
        run_id = add_run(storage, run_name="before", tags=[Tag(key="kept", value="1")])
        with storage.read() as tx:
            before = tx.runs.get(run_id)

        def work(tx: Transaction) -> None:
            tx.experiments.create("half", None, storage.artifact_root, [], NOW_MS)
            add_params(tx, run_id, [Param(key="p", value="1")])
            tx.tags.set({run_id: [Tag(key="kept", value="2"), Tag(key="t", value="1")]})
            tx.metrics.append({run_id: series([metric("m", 1.0)])})
            tx.datasets.log_inputs(run_id, [used("iris")], [])
            tx.runs.update(run_id, status=RunStatus.FAILED, run_name="after")

        abandoned(storage, work)
        with storage.read() as tx:
            after = tx.runs.get(run_id)
            assert tx.experiments.get_by_name("half") is None

        assert after == before
        assert backend.raw_points(run_id, "m") == []
        assert backend.raw_params(run_id) == {}
        assert backend.raw_tags(run_id) == {"kept": "1"}

    def test_names_of_a_block_that_raised_can_be_used_again(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)

        def work(tx: Transaction) -> None:
            tx.metrics.append({run_id: series([metric("fresh", 1.0)])})

        abandoned(backend.storage, work)
        log(backend.storage, run_id, [metric("other", 2.0), metric("fresh", 3.0)])

        assert [point.value for point in backend.raw_points(run_id, "fresh")] == [3.0]
        assert [point.value for point in backend.raw_points(run_id, "other")] == [2.0]

    def test_a_store_can_be_used_after_an_error(self, storage: Storage) -> None:
        with pytest.raises(NotFound), storage.write() as tx:
            tx.runs.get("f" * 32)
        with pytest.raises(NotFound), storage.read() as tx:
            tx.runs.get("f" * 32)
        run_id = add_run(storage)
        with storage.read() as tx:
            assert tx.runs.get_info(run_id).run_id == run_id

    def test_a_transaction_sees_its_own_changes(self, storage: Storage) -> None:
        run_id = add_run(storage)
        with storage.write() as tx:
            add_params(tx, run_id, [Param(key="p", value="1")])
            tx.metrics.append({run_id: series([metric("m", 1.0)])})
            tx.metrics.append({run_id: series([metric("m", 2.0, 1)])})
            tx.tags.set({run_id: [Tag(key="t", value="1")]})
            run = tx.runs.get(run_id)
            values = [point.value for point in tx.metrics.history(run_id, "m").items]

        assert run.data.params == [Param(key="p", value="1")]
        assert run.data.metrics == [metric("m", 2.0, 1)]
        assert values == [1.0, 2.0]

    def test_what_was_committed_is_seen_by_another_opener_at_once(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        again = backend.open_again()
        log(backend.storage, run_id, [metric("m", 1.0)])
        assert history(again, run_id, "m") == [(NOW_MS, 0, 1.0)]
        log(again, run_id, [metric("m", 2.0, 1)])
        assert [value for _, _, value in history(backend.storage, run_id, "m")] == [1.0, 2.0]
        if again is not backend.storage:
            again.close()

    def test_threads_that_write_one_run_lose_nothing(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)

        def work(number: int) -> None:
            for place in range(10):
                step = number * 10 + place
                shared = Param(key=f"shared {place}", value="same")
                own = Param(key=f"p{step}", value=str(step))

                def once(step: int = step, params: tuple[Param, ...] = (shared, own)) -> None:
                    with backend.storage.write() as tx:
                        add_params(tx, run_id, params)
                        tx.metrics.append({run_id: series([metric("m", float(step), step)])})
                        tx.tags.set({run_id: [Tag(key="last", value=str(step)), Tag(key=f"t{step}", value="x")]})

                retried(once)

        in_threads(6, work)
        with backend.storage.read() as tx:
            run = tx.runs.get(run_id)

        assert sorted(point.step for point in backend.raw_points(run_id, "m")) == list(range(60))
        assert len(run.data.params) == 70
        assert len(run.data.tags) == 61
        assert run.data.metrics == [metric("m", 59.0, 59)]

    def test_threads_that_write_the_same_new_names_agree(self, backend: Backend) -> None:
        runs = [add_run(backend.storage) for _ in range(6)]
        names = [f"name {place}" for place in range(20)]

        def work(number: int) -> None:
            order = names if number % 2 else names[::-1]

            def once() -> None:
                with backend.storage.write() as tx:
                    add_params(tx, runs[number], [Param(key=name, value="1") for name in order])
                    tx.metrics.append({runs[number]: series([metric(name, 1.0) for name in order])})

            retried(once)

        in_threads(6, work)
        for run_id in runs:
            assert backend.raw_params(run_id) == dict.fromkeys(names, "1")
            assert all(len(backend.raw_points(run_id, name)) == 1 for name in names)

    def test_one_of_many_threads_that_change_a_param_differently_wins(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        won: list[str] = []
        lost: list[ParamConflict] = []

        def work(number: int) -> None:
            value = str(number)

            def once() -> list[ParamConflict]:
                with backend.storage.write() as tx:
                    return add_params(tx, run_id, [Param(key="p", value=value)])

            conflicts = retried(once)
            if conflicts:
                lost.extend(conflicts)
            else:
                won.append(value)

        in_threads(6, work)
        assert (len(won), len(lost)) == (1, 5)
        assert {conflict.value for conflict in lost} == {won[0]}
        assert backend.raw_params(run_id) == {"p": won[0]}

    def test_a_run_made_while_its_experiment_is_deleted_goes_to_the_trash_with_it_or_is_not_made(
        self, storage: Storage
    ) -> None:
        experiment_id = add_experiment(storage)
        found_active, deleted = threading.Event(), threading.Event()

        def delete() -> None:
            with storage.write() as tx:
                tx.experiments.set_stage(experiment_id, LifecycleStage.DELETED, NOW_MS)

        def work(number: int) -> None:
            if number == 0:
                found_active.wait()
                retried(delete)
                deleted.set()
                return
            try:
                with storage.write() as tx:
                    assert tx.experiments.get(experiment_id).lifecycle_stage is LifecycleStage.ACTIVE
                    found_active.set()
                    deleted.wait(0.2)  # never comes where writers take turns
                    tx.runs.create([new_run(experiment_id)])
            except TransactionConflict:
                assert deleted.is_set()

        in_threads(2, work)
        with storage.read() as tx:
            assert tx.runs.search([experiment_id], everything()).items == []

    def test_a_frame_retried_by_many_threads_is_added_once(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        writer = WriterId("w")

        def work(_: int) -> None:
            for number in range(1, 11):

                def once(number: int = number) -> None:
                    with backend.storage.write() as tx:
                        if tx.writers.last_sequences([writer]).get(writer, 0) >= number:
                            return
                        tx.runs.locked([run_id])
                        tx.metrics.append({run_id: series([metric("m", 1.0, number)])})
                        tx.writers.advance({writer: number}, NOW_MS)

                retried(once)

        in_threads(4, work)
        assert sorted(point.step for point in backend.raw_points(run_id, "m")) == list(range(1, 11))

    def test_readers_do_not_see_half_a_transaction(self, storage: Storage) -> None:
        run_id = add_run(storage)
        stop = threading.Event()
        seen: list[tuple[int, int]] = []

        def read() -> None:
            while not stop.is_set():
                with storage.read() as tx:
                    params = len(tx.runs.get(run_id).data.params)
                    points = len(tx.metrics.history(run_id, "m").items)
                seen.append((params, points))

        reader = threading.Thread(target=read)
        reader.start()
        for step in range(30):
            with storage.write() as tx:
                add_params(tx, run_id, [Param(key=f"p{step}", value="1")])
                tx.metrics.append({run_id: series([metric("m", 1.0, step)])})
        stop.set()
        reader.join()

        assert seen
        assert all(params == points for params, points in seen)

    def test_searches_and_outputs_of_an_idle_store_are_empty(self, storage: Storage) -> None:
        run_id = add_run(storage)
        with storage.write() as tx:
            tx.datasets.log_outputs(run_id, [ModelOutput(model_id="m-x", step=1)])  # type: ignore[arg-type]
        with storage.read() as tx:
            assert [run.info.run_id for run in tx.runs.search(["0"], everything()).items] == [run_id]
            assert tx.runs.search(["0"], everything()._replace(filter="params.x = '1'")).items == []
