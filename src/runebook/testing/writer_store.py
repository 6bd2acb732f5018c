"""The contract of `WriterStore`."""

from __future__ import annotations

import threading

from runebook.core.ids import WriterId
from runebook.storage.base import Storage
from runebook.testing.backend import Backend
from runebook.testing.records import NOW_MS, add_run, metric, series
from runebook.testing.transactions import Abandoned, in_threads, retried

ONE, OTHER, NEW = WriterId("one"), WriterId("other"), WriterId("new")
DAY_MS = 24 * 60 * 60 * 1000


def advance(storage: Storage, sequences: dict[WriterId, int], now_ms: int = NOW_MS) -> None:
    with storage.write() as tx:
        tx.writers.last_sequences(sequences)
        tx.writers.advance(sequences, now_ms)


def last(storage: Storage) -> dict[WriterId, int]:
    with storage.write() as tx:
        return tx.writers.last_sequences([ONE, OTHER, NEW])


class WriterStoreContract:
    def test_the_store_knows_how_far_it_has_come_with_each_writer(self, storage: Storage) -> None:
        assert last(storage) == {}
        advance(storage, {ONE: 5})
        advance(storage, {ONE: 9, OTHER: 2**62})

        assert last(storage) == {ONE: 9, OTHER: 2**62}

    def test_names_of_writers_are_told_apart_by_case(self, storage: Storage) -> None:
        advance(storage, {WriterId("w" * 64): 1, WriterId("W" * 64): 2})
        with storage.write() as tx:
            assert tx.writers.last_sequences([WriterId("W" * 64), WriterId("w" * 63)]) == {WriterId("W" * 64): 2}

    def test_what_is_undone_was_not_advanced(self, storage: Storage) -> None:
        advance(storage, {ONE: 1})
        try:
            with storage.write() as tx:
                tx.writers.last_sequences([ONE])
                tx.writers.advance({ONE: 2, NEW: 1}, NOW_MS)
                raise Abandoned
        except Abandoned:
            assert last(storage) == {ONE: 1}

    def test_a_writer_that_is_silent_for_90_days_is_forgotten_when_a_new_one_comes(self, storage: Storage) -> None:
        advance(storage, {ONE: 5})
        advance(storage, {OTHER: 5}, NOW_MS + DAY_MS)
        advance(storage, {NEW: 1}, NOW_MS + 90 * DAY_MS + 1)

        assert last(storage) == {OTHER: 5, NEW: 1}

    def test_of_many_that_add_what_a_new_writer_sent_one_does(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        added: list[int] = []
        ready = threading.Barrier(4)

        def work(number: int) -> None:
            ready.wait()

            def once() -> None:
                with backend.storage.write() as tx:
                    if ONE in tx.writers.last_sequences([ONE]):
                        return
                    tx.runs.locked([run_id])
                    tx.metrics.append({run_id: series([metric("m", float(number))])})
                    tx.writers.advance({ONE: 1}, NOW_MS)
                added.append(number)

            retried(once)

        in_threads(4, work)
        assert [point.value for point in backend.raw_points(run_id, "m")] == [float(added[0])]
        assert len(added) == 1
