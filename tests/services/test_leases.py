from __future__ import annotations

import pytest

from runebook.api.frames import RunPart
from runebook.api.runs import DeleteRun, UpdateRun
from runebook.core.clock import now_ms
from runebook.core.ids import RunId, WriterId
from runebook.core.metrics import Point
from runebook.core.runs import RunInfo, RunStatus
from runebook.core.tags import END_REASON, LEASE_EXPIRED
from runebook.services.dispatch import Services
from runebook.services.leases import end_expired
from runebook.storage.writers import Lease
from runebook.testing.records import add_run
from runebook.testing.transactions import in_threads

from .frames import begun, frame, points_of, run_of, series_part, tags_of

RUNNING, FINISHED, FAILED, KILLED = RunStatus.RUNNING, RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED
HOUR_MS = 3_600_000


class Writer:
    """Ships to one run."""

    def __init__(self, services: Services, run_id: RunId, name: str) -> None:
        self._services = services
        self._run_id = run_id
        self._name = f"{name} of {run_id}"
        self._sent = 0

    def ship(
        self,
        *values: float,
        lease_ms: int | None = None,
        status: RunStatus | None = None,
        end_time: int | None = None,
        leaves: bool = False,
    ) -> None:
        self._sent += 1
        points = [Point(0, 0, value) for value in values]
        part = RunPart(
            run_id=self._run_id,
            series=[series_part("loss", points)],
            lease_ms=lease_ms,
            status=status,
            end_time=end_time,
            leaves=leaves,
        )
        reply = self._services.call(frame(part, writer=self._name, first=self._sent))
        assert (reply.acknowledged, reply.refused) == (self._sent, [])

    def fall_silent(self, until_ms: int) -> None:
        """As if the lease had been given long ago."""
        with self._services.storage.write() as tx:
            tx.runs.locked([self._run_id])
            tx.leases.renew([Lease(self._run_id, WriterId(self._name), until_ms)])


def state(services: Services, run_id: RunId) -> tuple[RunStatus, int | None, str | None]:
    """Status, end, and why it ended."""
    info: RunInfo = run_of(services, run_id).info
    return info.status, info.end_time, tags_of(services, run_id).get(END_REASON)


def leases_of(services: Services, *run_ids: RunId) -> list[Lease]:
    with services.storage.read() as tx:
        return tx.leases.of(run_ids)


def shared_by(services: Services, *names: str) -> tuple[RunId, list[Writer]]:
    """A run that writers are at work on."""
    run_id = begun(services)
    writers = [Writer(services, run_id, name) for name in names]
    for writer in writers:
        writer.ship(lease_ms=HOUR_MS)
    return run_id, writers


def test_a_lease_runs_out_after_three_periods_of_silence(everywhere: Services) -> None:
    run_id = begun(everywhere)
    before = now_ms()
    Writer(everywhere, run_id, "w").ship(lease_ms=1000)
    (lease,) = leases_of(everywhere, run_id)

    assert before + 3000 <= lease.until_ms <= now_ms() + 3000
    assert end_expired(everywhere.storage) == 0
    assert state(everywhere, run_id) == (RUNNING, None, None)


def test_a_run_whose_writers_are_all_silent_is_ended_when_the_last_lease_ran_out(everywhere: Services) -> None:
    silent, (one, other) = shared_by(everywhere, "one", "other")
    half_silent, (third, _) = shared_by(everywhere, "one", "other")
    alone = add_run(everywhere.storage)
    one.fall_silent(5000)
    other.fall_silent(7000)
    third.fall_silent(5000)

    assert end_expired(everywhere.storage) == 1
    assert end_expired(everywhere.storage) == 0
    assert state(everywhere, silent) == (KILLED, 7000, LEASE_EXPIRED)
    assert state(everywhere, half_silent) == (RUNNING, None, None)
    assert state(everywhere, alone) == (RUNNING, None, None)
    assert leases_of(everywhere, silent) == []


def test_a_writer_that_comes_back_opens_its_run_again_and_loses_nothing(everywhere: Services) -> None:
    run_id, (writer,) = shared_by(everywhere, "w")
    writer.ship(1.0)
    writer.fall_silent(5000)
    assert end_expired(everywhere.storage) == 1
    writer.ship(2.0, lease_ms=HOUR_MS)

    assert state(everywhere, run_id) == (RUNNING, None, None)
    assert [point.value for point in points_of(everywhere, run_id)] == [1.0, 2.0]
    assert len(leases_of(everywhere, run_id)) == 1

    writer.ship(status=FINISHED, end_time=9000)
    assert state(everywhere, run_id) == (FINISHED, 9000, None)
    assert leases_of(everywhere, run_id) == []


def test_the_end_that_a_silent_writer_ships_late_is_how_its_run_ended(everywhere: Services) -> None:
    run_id, (writer,) = shared_by(everywhere, "w")
    writer.fall_silent(5000)
    end_expired(everywhere.storage)
    writer.ship(2.0, status=FAILED, end_time=4000, leaves=True)

    assert state(everywhere, run_id) == (FAILED, 4000, None)
    assert len(points_of(everywhere, run_id)) == 1


def test_what_is_shipped_for_a_writer_that_is_gone_does_not_open_its_run_again(everywhere: Services) -> None:
    """Points without a lease or a status are no sign of life: nobody would end the run then."""
    run_id, (writer,) = shared_by(everywhere, "w")
    writer.fall_silent(5000)
    end_expired(everywhere.storage)
    writer.ship(1.0)

    assert state(everywhere, run_id) == (KILLED, 5000, LEASE_EXPIRED)
    assert len(points_of(everywhere, run_id)) == 1


def test_a_run_that_was_killed_by_somebody_stays_killed(everywhere: Services) -> None:
    run_id, (writer,) = shared_by(everywhere, "w")
    everywhere.call(UpdateRun(run_id=run_id, status=KILLED, end_time=1))
    writer.ship(1.0, lease_ms=1000)

    assert state(everywhere, run_id) == (KILLED, 1, None)
    assert leases_of(everywhere, run_id) == []


@pytest.mark.parametrize("status", [RUNNING, FINISHED])
def test_a_run_that_is_given_another_status_forgets_why_it_had_ended(everywhere: Services, status: RunStatus) -> None:
    run_id, (writer,) = shared_by(everywhere, "w")
    writer.fall_silent(5000)
    end_expired(everywhere.storage)
    everywhere.call(UpdateRun(run_id=run_id, status=status))

    assert state(everywhere, run_id) == (status, 5000, None)


def test_a_run_that_ends_by_a_request_has_no_leases_any_more(everywhere: Services) -> None:
    run_id, _ = shared_by(everywhere, "one", "other")
    everywhere.call(UpdateRun(run_id=run_id, status=FINISHED, end_time=1))

    assert leases_of(everywhere, run_id) == []


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ((FINISHED, FINISHED), FINISHED),
        ((FAILED, FINISHED), FAILED),
        ((FINISHED, FAILED), FAILED),
        ((KILLED, FINISHED), KILLED),
        ((FAILED, KILLED), FAILED),
        ((KILLED, FAILED), FAILED),
        ((FAILED, None), FAILED),
        ((None, FINISHED), FINISHED),
        ((None, None), RUNNING),
    ],
    ids=lambda said: "-".join(str(each and each.value) for each in said) if isinstance(said, tuple) else "",
)
def test_a_shared_run_ends_when_its_last_writer_leaves_with_the_worst_that_was_said(
    services: Services, said: tuple[RunStatus | None, ...], wanted: RunStatus
) -> None:
    run_id, writers = shared_by(services, "one", "other")
    writers[0].ship(status=said[0], end_time=10, leaves=True)
    assert state(services, run_id)[0] is RUNNING
    writers[1].ship(status=said[1], end_time=20 if said[1] else None, leaves=True)

    assert state(services, run_id)[0] is wanted
    assert leases_of(services, run_id) == []


def test_a_writer_that_leaves_does_not_wait_for_one_that_fell_silent(everywhere: Services) -> None:
    run_id, (one, other) = shared_by(everywhere, "one", "other")
    one.fall_silent(5000)
    other.ship(status=FINISHED, end_time=9000, leaves=True)

    assert state(everywhere, run_id) == (FINISHED, 9000, None)
    assert leases_of(everywhere, run_id) == []


@pytest.mark.parametrize(("said", "wanted"), [(FAILED, FAILED), (FINISHED, KILLED)])
def test_a_failure_is_remembered_when_the_others_fall_silent(
    everywhere: Services, said: RunStatus, wanted: RunStatus
) -> None:
    run_id, (one, other) = shared_by(everywhere, "one", "other")
    one.ship(status=said, end_time=10, leaves=True)
    other.fall_silent(5000)

    assert end_expired(everywhere.storage) == 1
    assert state(everywhere, run_id)[:2] == (wanted, 5000)


def test_one_that_owns_a_run_ends_it_for_all(everywhere: Services) -> None:
    run_id, (one, other) = shared_by(everywhere, "one", "other")
    one.ship(status=FINISHED, end_time=10)
    other.ship(1.0, lease_ms=1000)

    assert state(everywhere, run_id) == (FINISHED, 10, None)
    assert leases_of(everywhere, run_id) == []
    assert len(points_of(everywhere, run_id)) == 1


def test_a_run_in_the_trash_is_ended_too(everywhere: Services) -> None:
    run_id, (writer,) = shared_by(everywhere, "w")
    writer.fall_silent(5000)
    everywhere.call(DeleteRun(run_id=run_id))

    assert end_expired(everywhere.storage) == 1
    assert state(everywhere, run_id)[:2] == (KILLED, 5000)


def test_several_servers_that_end_runs_at_once_end_each_once(everywhere: Services) -> None:
    runs = [shared_by(everywhere, "w") for _ in range(40)]
    for number, (_, (writer,)) in enumerate(runs):
        writer.fall_silent(1000 + number)
    counts: list[int] = []

    def work(_: int) -> None:
        counts.append(end_expired(everywhere.storage))

    in_threads(3, work)
    counts.append(end_expired(everywhere.storage))

    assert sum(counts) == len(runs)
    assert [state(everywhere, run_id) for run_id, _ in runs] == [
        (KILLED, 1000 + number, LEASE_EXPIRED) for number in range(len(runs))
    ]
