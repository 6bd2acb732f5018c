"""The handle that `synchronous=False` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from runebook.client.logging import RunLog
from runebook.core.errors import RunebookError

ResultT = TypeVar("ResultT")


class RunOperations:
    """Writes that were asked for without waiting. What went wrong with them is raised by `wait`."""

    def __init__(self, log: RunLog, errors: Sequence[RunebookError] = ()) -> None:
        self._log = log
        self._errors = list(errors)

    def wait(self) -> None:
        """Until the writes are in the store.

        Raises:
            RunebookError: the first that was refused.

        """
        if self._errors:
            raise self._errors[0]
        self._log.flush()


def perform(write: Callable[[], ResultT], log: RunLog, synchronous: bool | None) -> ResultT | RunOperations:
    """Write.

    Args:
        write: what is asked for; it returns when this machine has it on its disk.
        log: where it goes.
        synchronous: None is content with that; True waits until the store has it; False keeps an error for
            `RunOperations.wait`.

    """
    if synchronous is not False:
        result = write()
        if synchronous:
            log.flush()
        return result
    try:
        write()
    except RunebookError as error:
        return RunOperations(log, [error])
    return RunOperations(log)
