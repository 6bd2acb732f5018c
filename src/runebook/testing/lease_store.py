"""The contract of `LeaseStore`."""

from __future__ import annotations

from runebook.core.ids import RunId, WriterId
from runebook.storage.base import Storage
from runebook.storage.writers import Lease
from runebook.testing.records import NOW_MS, add_run

ONE, OTHER = WriterId("one"), WriterId("other")


def renew(storage: Storage, *leases: Lease) -> None:
    with storage.write() as tx:
        tx.runs.locked(lease.run_id for lease in leases)
        tx.leases.renew(leases)


def of(storage: Storage, *run_ids: RunId) -> list[Lease]:
    with storage.read() as tx:
        return sorted(tx.leases.of(run_ids))


def expired(storage: Storage, now_ms: int, max_runs: int = 10) -> list[RunId]:
    with storage.read() as tx:
        return tx.leases.expired(now_ms, max_runs)


class LeaseStoreContract:
    def test_a_lease_is_kept_by_run_and_writer_and_may_be_renewed(self, storage: Storage) -> None:
        first, second = sorted(add_run(storage) for _ in range(2))
        renew(storage, Lease(first, ONE, 10), Lease(first, OTHER, 20), Lease(second, ONE, 30))
        renew(storage, Lease(first, ONE, 2**62))

        assert of(storage, first) == [Lease(first, ONE, 2**62), Lease(first, OTHER, 20)]
        assert of(storage, second, first) == sorted([*of(storage, first), Lease(second, ONE, 30)])
        assert of(storage) == []

    def test_a_lease_is_released_alone(self, storage: Storage) -> None:
        run_id, kept = add_run(storage), add_run(storage)
        renew(storage, Lease(run_id, ONE, 10), Lease(run_id, OTHER, 20), Lease(kept, ONE, 10))
        with storage.write() as tx:
            tx.leases.release([(run_id, ONE), (kept, OTHER)])

        assert of(storage, run_id) == [Lease(run_id, OTHER, 20)]
        assert of(storage, kept) == [Lease(kept, ONE, 10)]

    def test_all_leases_of_runs_are_given_up_together(self, storage: Storage) -> None:
        ended, kept = add_run(storage), add_run(storage)
        renew(storage, Lease(ended, ONE, 10), Lease(ended, OTHER, 20), Lease(kept, ONE, 10))
        with storage.write() as tx:
            tx.leases.clear([ended])

        assert of(storage, ended, kept) == [Lease(kept, ONE, 10)]

    def test_a_run_has_fallen_silent_when_its_last_lease_has_run_out(self, storage: Storage) -> None:
        shared, long_silent, alone, unleased = (add_run(storage) for _ in range(4))
        renew(
            storage,
            Lease(shared, ONE, NOW_MS - 5),
            Lease(shared, OTHER, NOW_MS + 5),
            Lease(long_silent, ONE, NOW_MS - 30),
            Lease(long_silent, OTHER, NOW_MS - 20),
            Lease(alone, ONE, NOW_MS - 10),
        )

        assert expired(storage, NOW_MS - 20) == []
        assert expired(storage, NOW_MS - 19) == [long_silent]
        assert expired(storage, NOW_MS + 5) == [long_silent, alone]
        assert expired(storage, NOW_MS + 6) == [long_silent, alone, shared]
        assert expired(storage, NOW_MS + 6, 2) == [long_silent, alone]
        assert unleased not in expired(storage, 2**62)

    def test_leases_are_seen_within_their_transaction_and_undone_with_it(self, storage: Storage) -> None:
        run_id = add_run(storage)
        with storage.write() as tx:
            tx.runs.locked([run_id])
            tx.leases.renew([Lease(run_id, ONE, 1)])
            tx.leases.release([(run_id, ONE)])
            tx.leases.renew([Lease(run_id, OTHER, 2)])
            assert tx.leases.of([run_id]) == [Lease(run_id, OTHER, 2)]
            tx.leases.clear([run_id])
            assert tx.leases.of([run_id]) == []
