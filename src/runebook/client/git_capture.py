"""Git's state, read in a thread beside the opening of the store, once per process."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from runebook.client.git import GitState, read_head
from runebook.core import tags
from runebook.core.errors import RunebookError

HEAD_PATIENCE_SECONDS = 1.0

_logger = logging.getLogger("runebook.git")


class GitCapture:
    """Commit, branch and remote are read from files and are there at once. Whether there are changes, and which,
    takes a `git` process; nobody waits for it before the run ends.
    """

    def __init__(self, folder: Path, *, with_diff: bool) -> None:
        self.folder = folder
        self.pid = os.getpid()
        self._with_diff = with_diff
        self._state = GitState()
        self._is_head_read = threading.Event()
        self._is_done = False
        self._listeners: list[Callable[[GitState], None]] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._read, name="runebook-git", daemon=True).start()

    @property
    def is_done(self) -> bool:
        return self._is_done

    def so_far(self) -> GitState:
        """What is known by now: commit, branch and remote at least."""
        self._is_head_read.wait(HEAD_PATIENCE_SECONDS)
        return self._state

    def tell(self, listener: Callable[[GitState], None]) -> None:
        """Call the listener with the whole state: now if it is known, else from the capturing thread."""
        with self._lock:
            if not self._is_done:
                self._listeners.append(listener)
                return
        listener(self._state)

    def _read(self) -> None:
        try:
            found = read_head(self.folder)
            if found is not None:
                self._state = found.state
                self._is_head_read.set()
                self._state = found.with_changes(with_diff=self._with_diff)
        finally:
            self._is_head_read.set()
            with self._lock:
                self._is_done = True
            for listener in self._listeners:
                try:
                    listener(self._state)
                except RunebookError as error:
                    _logger.warning("The state of git could not be noted on a run: %s", error)


_capture: GitCapture | None = None


def capture(folder: Path, *, with_diff: bool) -> GitCapture:
    """Of this process; one that a fork cut off is begun anew."""
    global _capture  # one per process
    known = _capture
    if known is None or known.folder != folder or (known.pid != os.getpid() and not known.is_done):
        known = _capture = GitCapture(folder, with_diff=with_diff)
    return known


def head_tags(state: GitState) -> dict[str, str]:
    """Commit, branch and remote, as far as they are known."""
    found = {tags.GIT_COMMIT: state.commit, tags.GIT_BRANCH: state.branch, tags.GIT_REPO_URL: state.repo_url}
    return {key: value for key, value in found.items() if value}
