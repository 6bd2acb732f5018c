"""Whether a caller has the permission that an operation needs."""

from __future__ import annotations

from typing import Protocol

from runebook.api.operation import Operation
from runebook.api.permissions import Permission
from runebook.services.context import Caller
from runebook.storage.base import Transaction


class Authorizer(Protocol):
    """Decides on each call before the use case runs, in the same transaction."""

    def authorize(self, caller: Caller, needs: Permission, request: Operation, tx: Transaction) -> None:
        """Raises PermissionDenied."""

    def authorize_path(self, caller: Caller, needs: Permission, path: str, tx: Transaction) -> None:
        """As `authorize`, for the bytes of a served artifact, which are no operation. Raises PermissionDenied."""


class SingleOwner:
    """Whoever reaches this process owns it: embedded use, and servers that nobody else can reach."""

    def authorize(self, caller: Caller, needs: Permission, request: Operation, tx: Transaction) -> None:
        """Grants everything."""

    def authorize_path(self, caller: Caller, needs: Permission, path: str, tx: Transaction) -> None:
        """Grants everything."""
