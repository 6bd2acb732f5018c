from __future__ import annotations

from runebook.storage.sql.metric_fold import FRAMES_WORTH_FOLDING
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import add_run, history, log, metric


def frames(storage: SqlStorage) -> list[tuple[int, int]]:
    """Sequence and size of the payload of each frame that is there."""
    with storage.database.reading() as session:
        rows = session.fetch("SELECT sequence, payload FROM metric_frames ORDER BY sequence")
    return [(sequence, 0 if payload is None else len(payload)) for sequence, payload in rows]


def test_a_fold_keeps_the_marks_of_writers_for_a_week_and_their_points_in_chunks(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    run_id = add_run(storage)
    for step in range(FRAMES_WORTH_FOLDING):
        log(storage, run_id, [metric("m", 1.0, step)], writer="w", sequence=step)
        log(storage, run_id, [metric("m", 2.0, step)])

    assert storage.fold_step(5) == 1
    assert frames(storage) == [(step, 0) for step in range(FRAMES_WORTH_FOLDING)]

    with storage.database.writing() as session:
        session.execute("UPDATE metric_frames SET folded_time = 1 WHERE sequence < 3")
    assert storage.fold_step(5) == 0
    assert frames(storage) == [(step, 0) for step in range(3, FRAMES_WORTH_FOLDING)]
    assert len(history(storage, run_id, "m")) == 2 * FRAMES_WORTH_FOLDING
    storage.close()


def test_a_fold_corrects_the_count_of_points_that_came_twice(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    run_id = add_run(storage)
    for _ in range(3):
        log(storage, run_id, [metric("m", 1.0, 1), metric("m", 1.0, 2)])
    with storage.write() as tx:
        tx.metrics.fold(run_id)
    log(storage, run_id, [metric("m", 1.0, 3)])
    with storage.database.reading() as session:
        assert session.fetch("SELECT points FROM metric_summaries") == [(3,)]
        assert session.fetch("SELECT points, first_step, last_step FROM metric_chunks") == [(2, 1, 2)]
    storage.close()


def test_points_that_come_late_rewrite_only_the_chunks_they_reach_into(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    run_id = add_run(storage)
    log(storage, run_id, [metric("m", 1.0, step, time=step) for step in range(10_000)])
    with storage.write() as tx:
        tx.metrics.fold(run_id)
    log(storage, run_id, [metric("m", 2.0, -1, time=5000)])
    with storage.write() as tx:
        tx.metrics.fold(run_id)
    with storage.database.reading() as session:
        chunks = session.fetch("SELECT number, first_time, last_time, points, first_step FROM metric_chunks ORDER BY 1")
    storage.close()

    assert chunks == [(0, 0, 4095, 4096, 0), (1, 4096, 8190, 4096, -1), (2, 8191, 9999, 1809, 8191)]
