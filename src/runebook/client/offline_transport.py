"""What stands for a store while RUNEBOOK_MODE is offline: it is neither opened nor asked anything."""

from __future__ import annotations

from typing import Any, NoReturn

from runebook.api.operation import Operation
from runebook.artifacts.base import ArtifactStore
from runebook.client.transport import Transport
from runebook.core.errors import TemporarilyUnavailable


class OfflineTransport:
    """Refuses what needs the store. What is logged does not pass here."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def call(self, operation: Operation) -> Any:
        self._refuse(f"{type(operation).spec.name} needs the store")

    def artifacts(self, uri: str) -> tuple[ArtifactStore, str]:
        self._refuse(f"The files at {uri!r} are in the store")

    def reach(self) -> None:
        self._refuse("Nothing is asked of the store")

    def takes_long_tags(self) -> bool:
        """Nobody knows; what every store takes, this one will."""
        return False

    def takes_frames(self) -> bool:
        """Nobody knows; runs get their ids here in any case."""
        return True

    def for_shipping(self) -> Transport:
        return self

    def upkeep(self) -> None:
        """There is no store here."""

    def before_fork(self) -> None:
        """There is nothing to put away."""

    def after_fork(self) -> None:
        """There is nothing to take up."""

    def after_fork_in_child(self) -> None:
        """There is nothing to take up."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def _refuse(self, reason: str) -> NoReturn:
        raise TemporarilyUnavailable(
            f"{reason}, and RUNEBOOK_MODE is offline: what is logged is kept until `runebook sync` ships it. Unset "
            "RUNEBOOK_MODE to use the store."
        )
