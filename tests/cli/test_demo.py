from __future__ import annotations

import socket
from pathlib import Path

from tests.cli.calls import Call
from tests.cli.test_server import fetched, running

from runebook.client.client import Client


def test_the_demo_trains_logs_finds_and_serves(tmp_path: Path) -> None:
    """One run of it, as it takes seconds."""
    directory = tmp_path / "demo"

    with running(tmp_path, "demo", "--directory", str(directory), "--serve", "--port", "0") as address:
        assert fetched(f"{address}/health") == b"OK"
        client = Client(address)
        found = {experiment.name: experiment.experiment_id for experiment in client.search_experiments()}
        good = client.search_runs([found["digits"]], "metrics.test_accuracy.max > 0.9")

    assert set(found) == {"Default", "digits", "diabetes"}
    assert {run.data.params["hidden_units"] for run in good} == {"64"}
    store = Client(f"sqlite:///{directory}/runebook.db")
    assert {run.info.status for run in store.search_runs(list(found.values()))} == {"FINISHED"}
    assert len(store.search_runs([found["diabetes"]])) == 8
    losses = [point.value for point in store.get_metric_history(good[0].info.run_id, "train_loss")]
    assert (len(losses), losses[-1] < losses[0] / 2) == (25, True)
    assert "precision" in Path(store.download_artifacts(good[0].info.run_id, "report.txt")).read_text()


def test_the_demo_does_not_serve_a_server(call: Call) -> None:
    done = call("--tracking-uri", "http://127.0.0.1:9", "demo", "--serve")

    assert done.exit_code == 2
    assert "--tracking-uri names a server" in done.stderr


def test_the_demo_says_that_the_port_is_taken_before_it_trains(call: Call, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = call("demo", "--serve", "--port", str(taken.getsockname()[1]))

    assert (done.exit_code, "in use" in done.stderr, done.stdout) == (2, True, "")
