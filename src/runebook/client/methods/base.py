"""What the methods of all nouns share: the way to one store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from runebook.api.operation import Operation
from runebook.client.logging import RunLog
from runebook.client.opening import open_store
from runebook.client.run_operations import RunOperations, perform
from runebook.client.transport import Transport
from runebook.config import Settings

ResultT = TypeVar("ResultT")


class Methods:
    """Knows a store by its address; connections are opened by the first call, and shared."""

    def __init__(self, uri: str, settings: Settings) -> None:
        self._uri = uri
        self._settings = settings
        self._artifact_uris: dict[str, str] = {}
        """Of runs and models that were asked for; they never change."""

    @property
    def transport(self) -> Transport:
        return open_store(self._uri, self._settings).transport

    @property
    def log(self) -> RunLog:
        """The way of all that is logged into runs."""
        return open_store(self._uri, self._settings).log

    @property
    def is_asynchronous(self) -> bool:
        """Whether calls that do not say return a handle to wait on."""
        return self._settings.async_logging

    def flush(self, seconds: float | None = None) -> None:
        """Wait until the store has everything that this process logged to it. Raises as `RunLog.flush`."""
        self.log.flush(seconds)

    def _call(self, operation: Operation) -> Any:
        """The reply, given by a store that has all that this process logged before."""
        opened = open_store(self._uri, self._settings)
        opened.log.settle()
        return opened.transport.call(opened.log.addressed(operation))

    def _perform(self, write: Callable[[], ResultT], synchronous: bool | None) -> ResultT | RunOperations:
        """Write, which puts it on the disk of this machine; see `run_operations.perform`."""
        if synchronous is None and self._settings.async_logging:
            synchronous = False
        return perform(write, self.log, synchronous)
