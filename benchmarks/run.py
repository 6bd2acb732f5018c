"""Measures Runebook and other trackers by turns on this machine and prints the tables.

python benchmarks/run.py [--quick] [--only client frames ...] [--stores sqlite postgresql] [--peers runebook ...]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import disk
import frames
import metrics
import runs
import startup
import writers
from databases import Database, open_database
from measure import Sample
from peers import PEERS, RUNEBOOK, Peer, Server, ensure, serve, version
from report import save

import client
import search

_ROUNDS = 3
_STORES = ("sqlite", "postgresql")
_TOPICS = ("startup", "client", "metrics", "runs", "search", "frames", "disk", "writers")
_ONCE = ("disk",)
"""What comes out the same every time is measured in the first round alone."""

_ON_ONE_SERVER = ("metrics", "runs", "search")


def _client(server: Server, database: Database, *, quick: bool) -> Iterator[Sample]:
    yield from client.measure(server, database.name, quick=quick)


_SERVED: dict[str, Callable[..., Iterator[Sample]]] = {
    "client": _client,
    "metrics": metrics.measure,
    "runs": runs.measure,
    "search": search.measure,
    "frames": frames.measure,
    "disk": disk.measure,
}


def _served(peer: Peer, topics: tuple[str, ...], store: str, *, quick: bool) -> Iterator[Sample]:
    """Topics on one server with a store that is new to them."""
    with (
        tempfile.TemporaryDirectory() as name,
        open_database(store, Path(name)) as database,
        serve(peer, database.uri, Path(name)) as server,
    ):
        for topic in topics:
            yield from _SERVED[topic](server, database, quick=quick)


def _parts(peer: Peer, topics: list[str], stores: list[str], *, quick: bool) -> Iterator[tuple[str, Iterator[Sample]]]:
    """The parts of one round of one peer, each with a name."""
    if "startup" in topics and peer.serves:
        yield "startup", startup.measure(peer, quick=quick)
    if "client" in topics:
        yield "client", client.measure_local(peer, quick=quick)
    if not peer.serves:
        return
    for store in stores:
        together = tuple(topic for topic in _ON_ONE_SERVER if topic in topics)
        groups = [together] if together else []
        groups += [(topic,) for topic in _SERVED if topic in topics and topic not in _ON_ONE_SERVER]
        for group in groups:
            if group != ("frames",) or peer == RUNEBOOK:
                yield f"{', '.join(group)} on {store}", _served(peer, group, store, quick=quick)
    if "writers" in topics and "postgresql" in stores:
        yield "writers", writers.measure(peer, quick=quick)


def _measure(
    peers: list[Peer], topics: list[str], stores: list[str], *, rounds: int, quick: bool
) -> tuple[list[Sample], list[str]]:
    """All samples, and what could not be measured, with the reason."""
    samples: list[Sample] = []
    failed: list[str] = []
    for number in range(1 if quick else rounds):
        left = topics if number == 0 else [topic for topic in topics if topic not in _ONCE]
        for peer in peers:
            for name, part in _parts(peer, left, stores, quick=quick):
                try:
                    for sample in part:
                        samples.append(sample)
                        told = "; ".join(filter(None, (sample.note, sample.detail)))
                        print(f"{number + 1} {sample.peer} {sample.row}: {sample.value:.4g} {told}", file=sys.stderr)
                except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                    failed.append(f"{peer.title}, {name}: {error}")
                    print(f"{number + 1} FAILED {failed[-1]}", file=sys.stderr)
    return samples, failed


def main() -> None:
    parser = argparse.ArgumentParser(description="Runebook beside other trackers.")
    parser.add_argument("--only", nargs="+", choices=_TOPICS, default=list(_TOPICS))
    parser.add_argument("--stores", nargs="+", choices=_STORES, default=list(_STORES))
    parser.add_argument("--peers", nargs="+", choices=[peer.name for peer in PEERS], default=[p.name for p in PEERS])
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often each is measured, the peers by turns")
    parser.add_argument("--quick", action="store_true", help="one round, short and small")
    arguments = parser.parse_args()
    peers = [peer for peer in PEERS if peer.name in arguments.peers]
    for peer in peers:
        ensure(peer)
    samples, failed = _measure(peers, arguments.only, arguments.stores, rounds=arguments.rounds, quick=arguments.quick)
    print(save(samples, failed, {peer.name: version(peer) for peer in peers}, quick=arguments.quick))
    if failed:
        raise SystemExit(f"{len(failed)} parts could not be measured")


if __name__ == "__main__":
    main()
