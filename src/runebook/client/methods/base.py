"""What the methods of all nouns share: the way to one store."""

from __future__ import annotations

from typing import Any

from runebook.api.operation import Operation
from runebook.client.logging import RunLog
from runebook.client.opening import open_transport
from runebook.client.transport import Transport
from runebook.config import Settings


class Methods:
    """Knows a store by its address; connections are opened by the first call, and shared."""

    def __init__(self, uri: str, settings: Settings) -> None:
        self._uri = uri
        self._settings = settings
        self._artifact_uris: dict[str, str] = {}
        """Of runs and models that were asked for; they never change."""

    @property
    def transport(self) -> Transport:
        return open_transport(self._uri, self._settings)

    @property
    def _log(self) -> RunLog:
        return RunLog(self.transport)

    def _call(self, operation: Operation) -> Any:
        return self.transport.call(operation)

    def _is_synchronous(self, synchronous: bool | None) -> bool:
        return not self._settings.async_logging if synchronous is None else synchronous
