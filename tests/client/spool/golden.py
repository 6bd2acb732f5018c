"""What the golden spools in `data` hold; `python -m tests.client.spool.golden FOLDER` makes one in today's format."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from tests.client.spool.making import STORE

from runebook.api.frames import RunPart, RunStart
from runebook.client.spool.folder import make_folder
from runebook.client.spool.names import SeriesName
from runebook.client.spool.spool import Spool
from runebook.core.datasets import ModelOutput
from runebook.core.ids import RunId, WriterId
from runebook.core.metrics import Point
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import Tag

WRITER = WriterId("019000000000700080000000000000aa")
FIRST, SECOND = RunId("019000000000700080000000000000b1"), RunId("019000000000700080000000000000b2")

POINTS = [
    Point(0, 1_700_000_000_000, 0.1),
    Point(-(2**63), -(2**63), math.inf),
    Point(2**63 - 1, 2**63 - 1, -0.0),
    Point(7, 0, math.nan),
    Point(8, 1, 5e-324),
]
VALIDATED = SeriesName(FIRST, "größe/ 雪", "m-0190", "train", "abc123")
PARTS = [
    RunPart(
        run_id=FIRST,
        start=RunStart(
            start_time=1_700_000_000_000,
            experiment_name="e",
            run_name="golden",
            user_id="ada",
            tags=[Tag(key="mlflow.user", value="ada")],
        ),
        lease_ms=60_000,
    ),
    RunPart(run_id=FIRST, params=[Param(key="lr", value="0.1"), Param(key="long", value="x" * 1000)]),
    RunPart(run_id=SECOND, outputs=[ModelOutput(model_id="m-0190", step=3)]),
    RunPart(run_id=FIRST, status=RunStatus.FINISHED, end_time=1_700_000_009_000, leaves=True),
]


def write(root: Path) -> None:
    spool = Spool(make_folder(root, WRITER, STORE, is_shipped=False), limit_bytes=2**26, is_shipped=False)
    start, params, outputs, status = PARTS
    spool.part(start)
    loss, validated = spool.series_id(SeriesName(FIRST, "loss")), spool.series_id(VALIDATED)
    other = spool.series_id(SeriesName(SECOND, "loss"))
    for point in POINTS:
        spool.point(loss, *point)
    spool.part(params)
    spool.points([validated, other], [0.5, 0.25], 3, 4)
    spool.part(outputs)
    spool.part(status)
    spool.close()
    for path in spool.folder.path.glob("*.segment"):
        path.write_bytes(path.read_bytes().rstrip(b"\0").ljust(4096, b"\0"))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
