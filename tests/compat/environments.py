"""Virtual environments of real MLflow releases, made once from their lock files and kept under `.venvs/`."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_STAMP = "made-from.sha256"


@dataclass(frozen=True)
class Environment:
    """A Python with exactly what a lock file in `requirements/` says."""

    name: str

    @property
    def python(self) -> Path:
        return ROOT / ".venvs" / self.name / "bin" / "python"

    @property
    def lock(self) -> Path:
        return ROOT / "requirements" / f"{self.name}.txt"


MLFLOW_3 = Environment("compat-mlflow-3")
MLFLOW_2 = Environment("compat-mlflow-2")
PEER = Environment("peer-mlflow")


def ensure(environment: Environment) -> Path:
    """Make the environment unless it stands already, made from the same lock by the same Python; return its Python."""
    home = environment.python.parent.parent
    home.parent.mkdir(exist_ok=True)
    with (home.parent / f"{environment.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test process may be making it
        _ensure(environment, home)
    return environment.python


def _ensure(environment: Environment, home: Path) -> None:
    wanted = hashlib.sha256(environment.lock.read_bytes() + sys.version.encode()).hexdigest()
    stamp = home / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return
    shutil.rmtree(home, ignore_errors=True)
    for command in _commands(environment, home):
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stderr[-4000:]}")
    stamp.write_text(wanted, encoding="ascii")


def _commands(environment: Environment, home: Path) -> list[list[str | Path]]:
    """How to make it: with uv where there is one, which shares files between environments, else with pip."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    locked: list[str | Path] = ["--require-hashes", "-r", environment.lock]
    if uv is not None:
        return [
            [uv, "venv", "--quiet", "--no-config", "--python", sys.executable, home],
            [uv, "pip", "install", "--quiet", "--python", environment.python, *locked],
        ]
    return [
        [sys.executable, "-m", "venv", home],
        [environment.python, "-m", "pip", "install", "--quiet", *locked],
    ]
