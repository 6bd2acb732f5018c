"""The way from the client to a store: the services in this process, or a server."""

from __future__ import annotations

from typing import Any, Protocol

from runebook.api.operation import Operation
from runebook.artifacts.base import ArtifactStore


class Transport(Protocol):
    """Carries operations. Safe to share between threads, and usable again after a fork."""

    uri: str

    def call(self, operation: Operation) -> Any:
        """The operation's `Reply`.

        A reply that was lost on the way is asked for again where that is safe, so the operation happens once.

        Raises:
            RunebookError: refused (nothing was changed), or the store cannot be reached.

        """

    def artifacts(self, uri: str) -> tuple[ArtifactStore, str]:
        """The store that holds the files of a run or model, and the path of `uri` in it."""

    def reach(self) -> None:
        """Raises TemporarilyUnavailable: there is a network on the way to the store, and it leads nowhere now."""

    def takes_long_tags(self) -> bool:
        """Whether a tag value of `limits.MAX_VALUE_BYTES` is kept whole; MLflow's servers cut at 8000."""

    def takes_frames(self) -> bool:
        """Whether the store knows `LogFrame`; MLflow's servers do not. Raises TemporarilyUnavailable."""

    def for_shipping(self) -> Transport:
        """A transport to the same store that tries once: who ships tries again by itself."""

    def upkeep(self) -> None:
        """A little of what an embedded store needs now and then, such as a fold; servers do that themselves."""

    def before_fork(self) -> None:
        """Put away what a child process must not inherit. A call of another thread is waited for."""

    def after_fork(self) -> None:
        """Go on in the parent."""

    def after_fork_in_child(self) -> None:
        """Go on in the child, with connections of its own."""

    def close(self) -> None:
        """Let go of connections."""
