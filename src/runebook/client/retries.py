"""What is sent again after it failed, and when."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic, time

from runebook.api.datasets import LogInputs
from runebook.api.experiments import DeleteExperiment, DeleteExperimentTag, RestoreExperiment
from runebook.api.logged_models import DeleteLoggedModelTag, LogLoggedModelParams, LogModel
from runebook.api.operation import Operation
from runebook.api.tags import DeleteTag
from runebook.config import MAX_BACKOFF_SECONDS, HttpSettings
from runebook.core.errors import NotFound, TemporarilyUnavailable

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
REFUSED_STATUSES = frozenset({408, 429})
"""Answers that say the request was not carried out, so that anything may be sent again."""

NOT_REPEATABLE = (DeleteTag, DeleteExperimentTag, DeleteLoggedModelTag, DeleteExperiment, RestoreExperiment, LogModel)
"""Done twice, these add twice or complain of what is done already."""

REPEATABLE_ON_RUNEBOOK_ONLY = (LogInputs, LogLoggedModelParams)

RETRY_AFTER_AT_MOST_SECONDS = 600.0


HURRIED_PAUSE_SECONDS = 0.5
_until: ContextVar[float | None] = ContextVar("runebook_hurry", default=None)


class UntrustedServer(TemporarilyUnavailable):
    """There is a server, but the connection to it cannot be trusted; waiting does not help."""


class UnknownAddress(NotFound):
    """A 404 without a code: an operation that the server does not know, or a proxy whose server is away."""


@contextmanager
def hurrying(seconds: float) -> Iterator[None]:
    """Try again for so long only: there is another way if the server is away."""
    token = _until.set(monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def seconds_left() -> float | None:
    """Until whoever is in a hurry takes another way; None of who is not."""
    until = _until.get()
    return None if until is None else until - monotonic()


def makes_something(operation: Operation) -> bool:
    """Whether it makes something new, and so may name an idempotency key."""
    return "idempotency_key" in operation.__struct_fields__


def is_repeatable(operation: Operation, *, on_runebook: bool) -> bool:
    """Whether carrying it out twice is the same as once."""
    if makes_something(operation):
        return on_runebook and operation.idempotency_key is not None  # type: ignore[attr-defined]  # it has the field
    if isinstance(operation, REPEATABLE_ON_RUNEBOOK_ONLY):
        return on_runebook
    return not isinstance(operation, NOT_REPEATABLE)


def pause_seconds(attempt: int, settings: HttpSettings, retry_after: str | None) -> float:
    """How long to wait after failed attempt number `attempt` (from 0): what the server asks for, else ever longer."""
    if _until.get() is not None:
        return HURRIED_PAUSE_SECONDS
    asked = _retry_after_seconds(retry_after) if settings.respect_retry_after and retry_after else None
    if asked is not None:
        return min(asked, RETRY_AFTER_AT_MOST_SECONDS)
    backoff = settings.backoff_factor * 2.0**attempt if attempt else settings.backoff_factor / 2
    jitter = random.uniform(0, settings.backoff_jitter)  # noqa: S311  # no secret
    return min(backoff, MAX_BACKOFF_SECONDS) + jitter


def _retry_after_seconds(value: str) -> float | None:
    """Seconds, or a date."""
    if value.strip().isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (TypeError, ValueError):
        return None
