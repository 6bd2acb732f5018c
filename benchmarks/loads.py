"""Starts the load on a server and reads back what it did."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from peers import Server, environment

_PATIENCE_S = 300


def load(server: Server, *options: str | float, program: str = "load.py") -> dict[str, Any]:
    """What the load did: `done` and `failed` requests (or runs, or points), `seconds`, and what its program adds."""
    path = Path(__file__).parent / program
    command: list[str | Path] = [sys.executable, path, *map(str, options), "--port", str(server.port)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the load {command} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    if not found["done"]:
        raise RuntimeError(f"{server.peer.name} answered none of the load {command}: {found}")
    return found


def post(server: Server, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """One request, for setting up."""
    address = f"http://127.0.0.1:{server.port}/api/2.0/mlflow/{path}"
    message = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(message, timeout=120) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


def failures(found: dict[str, Any]) -> str:
    return f"{found['failed']} of {found['failed'] + found['done']} failed" if found["failed"] else ""


def cost(found: dict[str, Any]) -> str:
    """What the load itself took: where it is near a whole core, the load was the limit."""
    return f"the load took {found['cpu_s'] / found['seconds']:.0%} of a core"
