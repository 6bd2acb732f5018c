"""A training process that is killed loses nothing of what `log_metric` returned for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import trainers
from tests.faults.programs import client_environment, programs, ship_all
from tests.faults.stored_points import Stored, is_whole, open_store, statuses, stored_points
from tests.faults.trainers import KEYS, SINGLE, Notes, make_notes, read_notes
from tests.server.running import RunningServer

from runebook.core.runs import RunStatus
from runebook.storage.sql.storage import SqlStorage

KILLS = 150
"""Of each store."""

AT_ONCE = 3
HANG_SECONDS = 240.0


@pytest.mark.timeout(600)
def test_what_a_killed_trainer_logged_reaches_a_file_once(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/runebook.db"
    open_store(uri).close()
    check(tmp_path, uri, uri)


@pytest.mark.timeout(600)
def test_what_a_killed_trainer_logged_reaches_a_server_once(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        check(tmp_path, f"http://127.0.0.1:{server.port}", f"sqlite:///{server.database}")


def check(folder: Path, tracked: str, stored: str) -> None:
    notes = folder / "notes"
    make_notes(notes, KILLS)
    environment = client_environment(folder)
    share = KILLS // AT_ONCE
    commands = [(trainers.__file__, tracked, notes, place * share, share, place) for place in range(AT_ONCE)]
    with programs(folder, environment, commands) as killing:
        for program in killing:
            program.finish(HANG_SECONDS)
    ship_all(tracked, environment)

    assert list((folder / "spool").iterdir()) == []
    storage = open_store(stored)
    try:
        check_runs(storage, read_notes(notes))
    finally:
        storage.close()
    assert is_whole(folder / "runebook.db")


def check_runs(storage: SqlStorage, noted: list[Notes]) -> None:
    ended = statuses(storage)
    started = [(writer, notes) for writer, notes in enumerate(noted) if notes.run_id]
    for writer, notes in started:
        assert ended[notes.run_id] is RunStatus.KILLED
        check_run(storage, writer, notes)

    assert len(started) > KILLS * 0.8
    assert sum(notes.metrics for _, notes in started) > 100 * KILLS
    assert sum(notes.params for _, notes in started) > KILLS


def check_run(storage: SqlStorage, writer: int, notes: Notes) -> None:
    """The call during which it was killed may have been done as well."""

    def series(key: str) -> Stored:
        return stored_points(storage, notes.run_id, key, writer)

    for stored, told in [(series(SINGLE), notes.metrics), *((series(key), notes.batches) for key in KEYS)]:
        assert told <= stored.numbers <= told + 1, (writer, notes, stored)
        assert stored.counted == stored.numbers
    with storage.read() as tx:
        data = tx.runs.get(notes.run_id).data
    assert len(data.params) in (notes.params, notes.params + 1)
    assert {param.key for param in data.params} == {f"p{number}" for number in range(len(data.params))}
    latest = {tag.key: tag.value for tag in data.tags}.get("latest", "-1")
    assert int(latest) in (notes.tags - 1, notes.tags)
