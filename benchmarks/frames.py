"""Native frames: what writers send at full speed."""

from __future__ import annotations

from collections.abc import Iterator

from databases import Database
from loads import cost, load
from measure import Sample
from peers import RUNEBOOK, Server

_WRITERS = 4


def measure(server: Server, database: Database, *, quick: bool) -> Iterator[Sample]:
    """Frames of 8 metrics with 20,000 points each, from writers with runs of their own. Runebook alone has them."""
    if server.peer != RUNEBOOK:
        return
    frames = 5 if quick else 30
    found = load(server, "--writers", _WRITERS, "--frames", frames, program="frame_load.py")
    points_per_s = found["points"] / found["seconds"]
    note = f"{found['points'] / 1e6:.1f}M points in {found['sent_bytes'] / found['points']:.1f} bytes each"
    yield Sample(f"frames/{database.name}", server.peer.name, points_per_s, note, cost(found))
