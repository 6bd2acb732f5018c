"""Programs of these tests, each in a process of its own that is gone when the test is."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_numbers = itertools.count(1)

SHIPPED_SECONDS = 240.0


def client_environment(folder: Path, **variables: str) -> dict[str, str]:
    """Nothing set but where the spools of this test lie."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNEBOOK_", "MLFLOW_"))}
    own = {"HOME": str(folder), "RUNEBOOK_SPOOL_DIR": str(folder / "spool"), "RUNEBOOK_GIT_DIFF": "false"}
    return kept | own | {"PYTHONPATH": str(_ROOT)} | variables


class Program:
    """Talks in lines of JSON; what it complains of stands in `log`."""

    def __init__(self, folder: Path, environment: dict[str, str], file: str, *arguments: object) -> None:
        self._log_path = folder / f"program-{next(_numbers)}.log"
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, file, *map(str, arguments)],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    def hear(self) -> Any:
        """The next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log
        return json.loads(line)

    def tell(self, word: str = "on") -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def finish(self, seconds: float) -> str:
        """Let it come to its end. Returns what it still said."""
        output, _ = self.process.communicate("", timeout=seconds)
        assert self.process.returncode == 0, self.log
        return output

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def programs(
    folder: Path, environment: dict[str, str], commands: Iterable[tuple[object, ...]]
) -> Iterator[list[Program]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Program(folder, environment, *map(str, command))) for command in commands]


def ship_all(tracking_uri: str, environment: dict[str, str]) -> str:
    """`runebook sync`. Returns what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "runebook", "sync"],
        env=environment | {"RUNEBOOK_TRACKING_URI": tracking_uri},
        capture_output=True,
        text=True,
        timeout=SHIPPED_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
