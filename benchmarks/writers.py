"""500 writers at once on PostgreSQL, through PgBouncer in transaction mode."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from databases import Postgresql, bouncer_command, open_database, pooled
from loads import cost, failures, load
from measure import Sample
from peers import Peer, serve

_WRITERS = 500


def measure(peer: Peer, *, quick: bool) -> Iterator[Sample]:
    """Each of them has a run of its own and a connection of its own, and logs point after point.

    Raises:
        RuntimeError: there is no PgBouncer on this machine.
    """
    if bouncer_command() is None:
        raise RuntimeError("there is no pgbouncer: install it (Debian: apt-get install pgbouncer)")
    with tempfile.TemporaryDirectory() as name, open_database("postgresql", Path(name)) as database:
        assert isinstance(database, Postgresql)
        with pooled(database, Path(name) / "pgbouncer") as address, serve(peer, address, Path(name)) as server:
            found = load(server, "metrics", "--connections", _WRITERS, "--seconds", 3 if quick else 15)
    asked = found["done"] + found["failed"]
    yield Sample("writers_failed/postgresql", peer.name, found["failed"], f"of {asked} requests")
    yield Sample("writers/postgresql", peer.name, found["done"] / found["seconds"], failures(found), cost(found))
