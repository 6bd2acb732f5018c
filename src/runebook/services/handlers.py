"""Which function serves which operation."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from runebook.api.operation import Operation
from runebook.services.context import Context
from runebook.storage.base import Transaction

RequestT = TypeVar("RequestT", bound=Operation)
ReplyT = TypeVar("ReplyT")

Handler = Callable[[Transaction, Any, Context], Any]

_handlers: dict[type[Operation], Handler] = {}


def handles(
    operation: type[RequestT],
) -> Callable[[Callable[[Transaction, RequestT, Context], ReplyT]], Callable[[Transaction, RequestT, Context], ReplyT]]:
    """Make a function the use case of an operation. It runs inside one transaction and never commits."""

    def register(
        function: Callable[[Transaction, RequestT, Context], ReplyT],
    ) -> Callable[[Transaction, RequestT, Context], ReplyT]:
        if operation in _handlers:
            raise TypeError(f"{operation.__name__} is served twice")
        _handlers[operation] = function
        return function

    return register


def handler_of(operation: type[Operation]) -> Handler:
    """The use case of an operation, from the module of its noun, which is imported when it is first asked for."""
    found = _handlers.get(operation)
    if found is None:
        import_module(f"runebook.services.{operation.spec.noun}")
        found = _handlers[operation]
    return found
