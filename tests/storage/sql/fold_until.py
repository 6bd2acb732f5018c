"""Folds a store until it has said so many statements to the database, and is killed before the next."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from runebook.storage.sql.session import Session
from runebook.storage.sql.storage import SqlStorage


def main(uri: str, statements: int) -> None:
    storage = SqlStorage.open(uri, artifact_root="/artifacts")
    left = statements
    call = Session._call  # every statement goes through it

    def counted(session: Session, *arguments: Any) -> Any:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(session, *arguments)

    Session._call = counted  # type: ignore[method-assign]
    while storage.fold_step(1):
        pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
