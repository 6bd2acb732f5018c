"""The README and the tutorial do what they say: their Python runs, and so do the shell blocks marked with `run`."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/tutorial.md")
BLOCK = re.compile(r"(?ms)(?:^<!-- (?P<mark>run[\w ]*) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$")

PYTHON_SESSION = """
import json, sys
namespace = {"__name__": "__main__"}
for line in sys.stdin:
    exec(compile(json.loads(line), "a block of the page", "exec"), namespace)
    print("the block is done", flush=True)
"""


class Block(NamedTuple):
    """A code block of a page, and how its mark says that it is to be run."""

    language: str
    mark: str
    text: str


def blocks_of(page: str, port: int) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8").replace(":5000", f":{port}")
    return [Block(found["language"], found["mark"] or "", found["text"]) for found in BLOCK.finditer(text)]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_works_as_written(page: str, tmp_path: Path) -> None:
    port = free_port()
    blocks = blocks_of(page, port)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RUNEBOOK_", "MLFLOW_"))}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "RUNEBOOK_PORT": str(port)}

    with Machine(tmp_path, environment, port) as machine:
        outputs = [machine.run(block) for block in blocks if block.language == "python" or block.mark]

    assert len([output for output in outputs if output]) >= 3


class Machine:
    """A directory in which Python blocks share one session, and shell blocks run beside it."""

    def __init__(self, directory: Path, environment: dict[str, str], port: int) -> None:
        self._directory, self._environment, self._port = directory, environment, port
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Machine:
        self._python = self._start([sys.executable, "-c", PYTHON_SESSION])
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.terminate()
            process.communicate(timeout=30)

    def run(self, block: Block) -> str:
        if block.language == "python":
            return self._run_python(block.text)
        if block.mark == "run in the background":
            self._start(["bash", "-c", f"exec {block.text}"])
            wait_until_healthy(f"http://127.0.0.1:{self._port}/health")
            return ""
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", block.text],
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        return done.stdout

    def _run_python(self, text: str) -> str:
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        self._python.stdin.write(json.dumps(text) + "\n")
        self._python.stdin.flush()
        printed: list[str] = []
        for line in self._python.stdout:
            if line == "the block is done\n":
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"this block failed:\n{text}\n{''.join(printed)}")

    def _start(self, command: list[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(address: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert answer.status == 200
                return
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
