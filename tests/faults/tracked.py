"""What `tracking.py` tells of its runs, and whether the store has all of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from tests.faults.programs import Program
from tests.faults.stored_points import stored_points
from tests.faults.tracking import BURST, KEY, PARAM_EVERY

from runebook.core.runs import RunStatus
from runebook.storage.sql.metric_frames import decode_frame
from runebook.storage.sql.storage import SqlStorage


class Tracked(NamedTuple):
    """A run, who logged to it and how many points."""

    run_id: str
    writer: int
    points: int


class Told(NamedTuple):
    """By one program: its runs, and what it logged for its user."""

    runs: list[Tracked]
    log: str


def told_by(tracking: Iterable[Program], seconds: float) -> list[Told]:
    """Have all programs come to their end, and what each tells then."""
    told = []
    for program in tracking:
        runs = json.loads(program.finish(seconds))
        told.append(Told([Tracked(**run) for run in runs], program.log))
    return told


def check_tracked(storage: SqlStorage, run: Tracked, *, in_order: bool = False) -> int:
    """Every point, param and tag is there, once, and the run has ended. Returns the number of points.

    Args:
        in_order: also look whether points were added in the order in which they were logged; nothing may be folded.

    """
    found = stored_points(storage, run.run_id, KEY, run.writer)
    assert (found.numbers, found.counted) == (run.points, run.points), run
    with storage.read() as tx:
        stored = tx.runs.get(run.run_id)
        payloads = tx.db.fetch(
            "SELECT f.payload FROM metric_frames f JOIN runs r ON r.id = f.run WHERE r.run_id = :run_id ORDER BY f.id",
            run_id=run.run_id,
        )
    assert stored.info.status is RunStatus.FINISHED
    wanted = {f"p{count}": str(count) for count in range(PARAM_EVERY, run.points + 1, PARAM_EVERY)}
    assert {param.key: param.value for param in stored.data.params} == wanted
    assert {tag.key: tag.value for tag in stored.data.tags}["latest"] == str(run.points)
    if in_order:
        steps = [step for (payload,) in payloads for _, points in decode_frame(payload) for step in points.steps]
        assert steps == list(range(run.points)), run
    assert run.points >= BURST
    return found.numbers
