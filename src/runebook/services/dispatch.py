"""The way from a request to its reply: permission, transaction, idempotency, use case."""

from __future__ import annotations

import hashlib
import random
import time
from typing import Any

from runebook.api import codec
from runebook.api.operation import Operation
from runebook.artifacts.base import ArtifactAccess
from runebook.core import checks
from runebook.core.clock import now_ms
from runebook.core.errors import AlreadyExists, Conflict, TemporarilyUnavailable
from runebook.services.context import OWNER, Caller, Context, ServerFacts
from runebook.services.handlers import handler_of
from runebook.services.permissions import Authorizer, SingleOwner
from runebook.storage.base import Storage, StoredAnswer, Transaction, TransactionConflict

MAX_ATTEMPTS = 12
"""Times that a transaction is run before its conflicts are given up on: about three seconds of waiting in all."""

PATIENCE_S = 55.0
"""A conflict after so long is the last, as stores wait for locks themselves: clients give up after a minute or two."""


class Services:
    """All use cases over one store. Safe to share between threads."""

    def __init__(
        self,
        storage: Storage,
        artifacts: ArtifactAccess,
        *,
        authorizer: Authorizer | None = None,
        facts: ServerFacts | None = None,
    ) -> None:
        self.storage = storage
        self.artifacts = artifacts
        self.authorizer = authorizer or SingleOwner()
        self.facts = facts or ServerFacts()

    def call(self, request: Operation, caller: Caller = OWNER) -> Any:
        """The reply to a request; an instance of its operation's `Reply`.

        Raises:
            RunebookError: refused; nothing was changed.
        """
        spec = type(request).spec
        context = self.context(caller)
        until = time.monotonic() + PATIENCE_S
        may_be_known = getattr(request, "idempotency_key", None) is not None
        for attempt in range(MAX_ATTEMPTS):
            try:
                with self.storage.write() if spec.writes else self.storage.read() as tx:
                    self.authorizer.authorize(caller, spec.needs, request, tx)
                    return answer(tx, request, context)
            except AlreadyExists:
                if not may_be_known:
                    raise
                may_be_known = False  # by now this very request, sent twice at once, has its answer or never will
            except TransactionConflict as conflict:
                if time.monotonic() > until:
                    raise TemporarilyUnavailable(f"{conflict} Nothing was changed. Try again.") from conflict
                time.sleep(random.uniform(0, min(0.5, 0.005 * 2**attempt)))  # noqa: S311  # jitter, no secret
        raise TemporarilyUnavailable(
            f"Other writers got in the way of {spec.name} {MAX_ATTEMPTS} times; nothing was changed. Try again."
        )

    def context(self, caller: Caller) -> Context:
        """The surroundings of a call that is made now."""
        return Context(
            caller, self.artifacts, self.facts, self.storage.store_type, self.storage.artifact_root, now_ms()
        )

    def close(self) -> None:
        self.storage.close()


def answer(tx: Transaction, request: Operation, context: Context) -> Any:
    """Run the use case, or give the first answer again when the request names a key that was used."""
    operation = type(request)
    key = getattr(request, "idempotency_key", None)
    if key is None:
        return handler_of(operation)(tx, request, context)
    checks.check_text(key, "idempotency_key")
    name = operation.spec.name
    digest = hashlib.sha256(codec.encode_request(request)).digest()
    stored = tx.idempotency.find(name, key)
    if stored is None:
        reply = handler_of(operation)(tx, request, context)
        tx.idempotency.save(name, key, StoredAnswer(digest, codec.encode_reply(reply)), context.now_ms)
        return reply
    if stored.request_digest != digest:
        raise Conflict(
            f"The idempotency key {key!r} was used for another {name} request. Use a new key for a new request."
        )
    return codec.decode_reply(operation, stored.reply)
