from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.calls import Call


@contextmanager
def running(directory: Path, *arguments: str, **variables: str) -> Iterator[str]:
    """`runebook ...` in a process of its own, until it said where it serves; gives the address. It must end with 0."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNEBOOK_", "MLFLOW_"))}
    with (directory / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "runebook", *arguments],
            cwd=directory,
            env=kept | variables,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            found = re.search(r"http://\S+", line)
            if found is not None:
                yield found[0]
                break
        else:
            raise AssertionError((directory / "stderr").read_text())
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0, (directory / "stderr").read_text()


def fetched(address: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30) as answer:
        body: bytes = answer.read()
        return body


@pytest.mark.usefixtures("default_is_older")
def test_the_server_serves_the_store_that_the_command_line_uses(tmp_path: Path, ok: Call) -> None:
    ok("experiments", "create", "-n", "made before")
    store = f"sqlite:///{tmp_path}/store.db"

    with running(tmp_path, "server", "--backend-store-uri", store, "--port", "0") as address:
        assert fetched(f"{address}/health") == b"OK"
        listed = ok("--tracking-uri", address, "experiments", "list", "--json").json
        ok("--tracking-uri", address, "experiments", "create", "-n", "made after")

    assert [experiment["name"] for experiment in listed] == ["made before", "Default"]
    assert "made after" in ok("experiments", "list").stdout


def test_variables_of_mlflow_set_what_no_flag_sets_and_ours_count_before_them(tmp_path: Path) -> None:
    variables = {"MLFLOW_PORT": "1", "RUNEBOOK_PORT": "0", "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path}/mine.db"}

    with running(tmp_path, "ui", "--static-prefix", "/book", **variables) as address:
        assert address.endswith("/book")
        assert fetched(f"{address}/health") == b"OK"

    assert (tmp_path / "mine.db").exists()


def test_hosts_are_allowed_by_name(tmp_path: Path) -> None:
    with running(tmp_path, "server", "-p", "0", "--allowed-hosts", "book.example, *.lab.example") as address:
        info = f"{address}/api/3.0/mlflow/server-info"
        assert json.loads(fetched(info, Host="book.example"))["store_type"] == "SqlStore"
        assert json.loads(fetched(info, Host="a.lab.example"))["store_type"] == "SqlStore"
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetched(info, Host="evil.example")
        refused.value.close()

    assert refused.value.code == 403


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "70000"], "70000"),
        (["--workers", "0"], "0"),
        (["--static-prefix", "book"], "static-prefix"),
        (["--backend-store-uri", "gopher://somewhere"], "gopher"),
        (["--host", "no.such.host.invalid"], "--host"),
    ],
)
def test_a_flag_that_cannot_work_is_a_usage_error(call: Call, arguments: list[str], complaint: str) -> None:
    done = call("server", "--port", "0", *arguments)

    assert done.exit_code == 2, done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
