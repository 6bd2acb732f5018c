"""The active run in threads and in asyncio tasks."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import runebook as rb


def in_thread(function: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_a_new_thread_has_no_active_run() -> None:
    with rb.start_run():
        assert in_thread(rb.active_run) is None


def test_a_thread_that_was_given_the_context_has_its_active_run() -> None:
    with rb.start_run() as run:
        assert in_thread(lambda: contextvars.copy_context().run(rb.active_run)) is None
        context = contextvars.copy_context()
        assert in_thread(lambda: context.run(rb.active_run)) is run


@pytest.mark.parametrize("uri", ["memory:", ""])
def test_threads_track_runs_of_their_own_at_once(uri: str) -> None:
    rb.set_tracking_uri(uri)
    barrier = threading.Barrier(4)

    def work(number: int) -> str:
        with rb.start_run(run_name=f"run {number}") as run:
            barrier.wait(30)
            for step in range(20):
                rb.log_metric("m", number, step=step)
            barrier.wait(30)
        return run.info.run_id

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(work, range(4)))

    assert [rb.get_run(run_id).data.metrics for run_id in ids] == [{"m": float(number)} for number in range(4)]
    assert {rb.get_run(run_id).info.status for run_id in ids} == {"FINISHED"}


def test_asyncio_tasks_have_runs_of_their_own() -> None:
    async def work(number: int) -> str:
        with rb.start_run(run_name=f"task {number}") as run:
            for step in range(5):
                rb.log_metric("m", number, step=step)
                await asyncio.sleep(0)
                active = rb.active_run()
                assert active is not None
                assert active.info.run_id == run.info.run_id
        return run.info.run_id

    async def main() -> list[str]:
        return await asyncio.gather(*(work(number) for number in range(5)))

    ids = asyncio.run(main())

    assert len(set(ids)) == 5
    assert [rb.get_run(run_id).data.metrics["m"] for run_id in ids] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_task_inherits_the_run_and_nests_in_it() -> None:
    async def child() -> str:
        assert rb.active_run() is not None
        with rb.start_run(nested=True) as run:
            await asyncio.sleep(0)
        return run.info.run_id

    async def main() -> None:
        with rb.start_run() as outer:
            inner = await asyncio.gather(child(), child())
            assert rb.active_run() is outer
        for run_id in inner:
            parent = rb.get_parent_run(run_id)
            assert parent is not None
            assert parent.info.run_id == outer.info.run_id

    asyncio.run(main())


def test_a_run_that_ended_elsewhere_is_active_nowhere() -> None:
    async def late(event: asyncio.Event) -> object:
        await event.wait()
        return rb.active_run()

    async def main() -> object:
        event = asyncio.Event()
        with rb.start_run():
            task = asyncio.create_task(late(event))
            await asyncio.sleep(0)
        event.set()
        return await task

    assert asyncio.run(main()) is None
