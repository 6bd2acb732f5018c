"""Which function serves which operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from runebook.api.operation import Operation
from runebook.services.context import Context
from runebook.storage.base import Transaction

RequestT = TypeVar("RequestT", bound=Operation)
ReplyT = TypeVar("ReplyT")

Handler = Callable[[Transaction, Any, Context], Any]

HANDLERS: dict[type[Operation], Handler] = {}


def handles(
    operation: type[RequestT],
) -> Callable[[Callable[[Transaction, RequestT, Context], ReplyT]], Callable[[Transaction, RequestT, Context], ReplyT]]:
    """Make a function the use case of an operation. It runs inside one transaction and never commits."""

    def register(
        function: Callable[[Transaction, RequestT, Context], ReplyT],
    ) -> Callable[[Transaction, RequestT, Context], ReplyT]:
        if operation in HANDLERS:
            raise TypeError(f"{operation.__name__} is served twice")
        HANDLERS[operation] = function
        return function

    return register
