"""A program: folds a store in processes that die in the middle of it, and tells of each how it ended.

    python folding.py STORE

Says `{"killed": ...}` after each and waits for a line. The first dies before its first statement, the next before its
second, and so on; the one that comes to its end is the last.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from runebook.storage.sql.session import Session
from runebook.storage.sql.storage import SqlStorage

ROUNDS = 8
"""Folds of a process: more than there is to fold."""


def main(store: str, seed: int) -> None:
    """With a seed, they are killed at random instants instead, for as long as somebody says so."""
    rng = random.Random(seed)
    number = 1
    while True:
        pid = os.fork()
        if not pid:
            _fold(store, _dying_at(number) if not seed else _dying_after(rng.uniform(0, 0.05)))
        _, code = os.waitpid(pid, 0)
        print(json.dumps({"killed": code == signal.SIGKILL, "code": code, "statement": number}), flush=True)
        if not sys.stdin.readline().strip():
            return
        number = number + 1 if code else 1


def _fold(store: str, prepare: Callable[[], None]) -> None:
    """Never returns."""
    code = 1
    try:
        storage = SqlStorage.open(store, artifact_root="/artifacts")
        prepare()
        while storage.fold_step(ROUNDS):
            pass
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def _dying_at(number: int) -> Callable[[], None]:
    """Before the statement of this number; each COMMIT is one too."""

    def prepare() -> None:
        call, left = Session._call, number

        def counted(session: Session, *arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(session, *arguments)

        setattr(Session, "_call", counted)  # noqa: B010  # in this process alone, which dies of it

    return prepare


def _dying_after(seconds: float) -> Callable[[], None]:
    def die() -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    def prepare() -> None:
        threading.Thread(target=die, daemon=True).start()

    return prepare


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
