"""The handle that `synchronous=False` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from runebook.core.errors import RunebookError

ResultT = TypeVar("ResultT")


class RunOperations:
    """Writes that were asked for without waiting. What went wrong with them is raised by `wait`."""

    def __init__(self, errors: Sequence[RunebookError] = ()) -> None:
        self._errors = list(errors)

    def wait(self) -> None:
        """Until the writes are in the store.

        Raises:
            RunebookError: the first that was refused.

        """
        if self._errors:
            raise self._errors[0]


def perform(write: Callable[[], ResultT], *, synchronous: bool) -> ResultT | RunOperations:
    """Write now. When the caller does not want to wait, an error is kept for `RunOperations.wait`."""
    if synchronous:
        return write()
    try:
        write()
    except RunebookError as error:
        return RunOperations([error])
    return RunOperations()
