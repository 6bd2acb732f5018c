"""What a contract suite needs of the backend that it tests.

A backend's tests provide two pytest fixtures: `backend`, an empty store as below, and `storage`, its `backend.storage`.
Then each suite is subclassed once:

    class TestRunStore(RunStoreContract):
        pass
"""

from __future__ import annotations

from typing import Protocol

from runebook.core.metrics import Point
from runebook.storage.base import Storage


class Backend(Protocol):
    """An empty store, and a look behind it that uses none of its own readers."""

    storage: Storage

    def open_again(self) -> Storage:
        """The same data through another Storage, as another process has it; the caller closes it.

        A store that lives in this process alone returns its one Storage.
        """

    def raw_points(self, run_id: str, key: str) -> list[Point]:
        """The points as they lie in the store, in any order, repetitions included."""

    def raw_params(self, run_id: str) -> dict[str, str]: ...

    def raw_tags(self, run_id: str) -> dict[str, str]: ...
