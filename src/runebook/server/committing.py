"""Writes of all connections on their way to the group commit, and their answers on the way back."""

from __future__ import annotations

import asyncio
from typing import Any

from runebook.api.operation import Operation
from runebook.services.context import OWNER
from runebook.services.dispatch import Services
from runebook.services.group_commit import GroupCommit, Write

Waiter = asyncio.Future[Any]


class Committing:
    """The group commit of one event loop: requests wait for it without a thread each.

    A request whose client goes away is committed all the same.
    """

    def __init__(self, services: Services) -> None:
        self._loop = asyncio.get_running_loop()
        self._group: GroupCommit[Waiter] = GroupCommit(services, self._deliver)

    def start(self) -> None:
        self._group.start()

    def stop(self) -> None:
        """Returns when all is committed; blocks."""
        self._group.stop()

    async def call(self, request: Operation, size_bytes: int) -> Any:
        """The reply to a request, once it is durable.

        Raises:
            RunebookError: refused; nothing was changed.

        """
        waiter: Waiter = self._loop.create_future()
        self._group.put(waiter, Write(request, OWNER, size_bytes))
        return await waiter

    def _deliver(self, outcomes: list[tuple[Waiter, Any]]) -> None:
        """Runs in the group's thread; one step of the loop answers all."""
        self._loop.call_soon_threadsafe(_settle, outcomes)


def _settle(outcomes: list[tuple[Waiter, Any]]) -> None:
    for waiter, outcome in outcomes:
        if waiter.done():
            continue  # it was cancelled: the server did not wait any longer
        if isinstance(outcome, Exception):
            waiter.set_exception(outcome)
        else:
            waiter.set_result(outcome)
