"""Over a network that cuts, loses, delays and repeats, what a client logs arrives once and in order."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from tests.faults import tracking
from tests.faults.bad_wire import BadWire, Request
from tests.faults.programs import client_environment, programs
from tests.faults.stored_points import open_store, statuses
from tests.faults.tracked import check_tracked, told_by
from tests.server.running import RunningServer

from runebook.client.http import HttpTransport
from runebook.config import HttpSettings

REQUESTS = 600
PROCESSES = 6
THREADS = 2
HANG_SECONDS = 200.0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_logged_over_a_bad_network_arrives_once_and_in_order(tmp_path: Path, seed: int) -> None:
    environment = client_environment(
        tmp_path,
        RUNEBOOK_HTTP_REQUEST_TIMEOUT="1",
        RUNEBOOK_HTTP_REQUEST_BACKOFF_FACTOR="0.05",
        RUNEBOOK_HTTP_REQUEST_BACKOFF_JITTER="0.05",
        RUNEBOOK_FLUSH_TIMEOUT=str(HANG_SECONDS),
    )
    with RunningServer(tmp_path, fold_interval_s=3600.0) as server, BadWire(server.port, seed) as wire:
        store = f"http://127.0.0.1:{wire.port}"
        commands = [(tracking.__file__, store, number * THREADS, THREADS, 5) for number in range(PROCESSES)]
        with programs(tmp_path, environment, commands) as running:
            until = time.monotonic() + HANG_SECONDS
            while wire.seen.total() < REQUESTS:
                assert time.monotonic() < until, wire.seen
                time.sleep(0.05)
            runs = [run for told in told_by(running, HANG_SECONDS) for run in told.runs]
        assert list((tmp_path / "spool").iterdir()) == []
    print(f"seed {seed}: {dict(wire.seen)}, {sum(run.points for run in runs)} points")
    assert len(runs) == PROCESSES * THREADS
    assert set(wire.seen) >= {"carried", "cut_request", "lose_answer", "cut_answer", "send_twice", "send_later"}
    storage = open_store(f"sqlite:///{server.database}")
    try:
        for run in runs:
            check_tracked(storage, run, in_order=True)
        assert set(statuses(storage)) == {run.run_id for run in runs}, f"seed {seed}: a run was made twice"
    finally:
        storage.close()


class CuttingOnce(BadWire):
    """Cuts the first answer behind so many bytes, and carries all others."""

    length = 0
    whole = 0

    def _carry(self, client: socket.socket, request: Request) -> None:
        answer = self._asked(request)
        self.seen["carried"] += 1
        is_cut = self.seen.total() == 1
        self.whole = len(answer)
        client.sendall(answer[: self.length] if is_cut else answer)
        if is_cut:
            client.close()


def test_an_answer_that_was_cut_anywhere_is_asked_for_again(tmp_path: Path) -> None:
    """Python takes the end of a connection for the end of the headers, so that what is left looks like an answer."""
    settings = HttpSettings(backoff_factor=0.0, backoff_jitter=0.0)
    with RunningServer(tmp_path) as server, CuttingOnce(server.port, 0) as wire:
        while not wire.whole or wire.length < wire.whole:
            transport = HttpTransport(f"http://127.0.0.1:{wire.port}", settings)
            assert transport.is_runebook(), f"cut behind {wire.length} bytes"
            transport.close()
            assert wire.seen.total() == 2, f"cut behind {wire.length} bytes"
            wire.seen.clear()
            wire.length += 1
