"""Settings from the environment: RUNEBOOK_* variables, and MLflow's of the same name where those are unset.

The client reads them when a run starts or a store is opened, so that a script may set a variable after its imports.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct

from runebook.core.errors import InvalidParameterValue

PREFIXES = ("RUNEBOOK_", "MLFLOW_")
MAX_HTTP_RETRIES = 10
MAX_BACKOFF_SECONDS = 120.0
MEGABYTE = 1024 * 1024
MIN_SPOOL_MB = 8

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

NumberT = TypeVar("NumberT", int, float)


class Secret(str):
    """A text that does not show itself in a log or a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class HttpSettings(Struct, frozen=True, kw_only=True):
    """How the client talks to a server."""

    username: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    insecure_tls: bool = False
    server_cert_path: str | None = None
    client_cert_path: str | None = None
    max_retries: int = 7
    backoff_factor: float = 2.0
    backoff_jitter: float = 1.0
    timeout_seconds: float = 120.0
    respect_retry_after: bool = True
    allow_redirects: bool = True
    pool_size: int = 10


class SpoolSettings(Struct, frozen=True, kw_only=True):
    """Where what is logged waits for the store, and how long anybody waits for that."""

    directory: str | None = None
    """By default the user's state folder."""
    limit_bytes: int = 1024 * MEGABYTE
    is_offline: bool = False
    """Nothing is shipped; `runebook sync` does that later."""
    patience_seconds: float = 30.0
    """How long end_run and reads wait for a store that takes nothing."""
    lease_ms: int = 60_000
    """How often a process says that it is still at work on a run; after three times as long the run is ended."""


class Settings(Struct, frozen=True, kw_only=True):
    """What the environment says to a client. An empty variable counts as unset."""

    tracking_uri: str | None = None
    registry_uri: str | None = None
    experiment_id: str | None = None
    experiment_name: str | None = None
    run_id: str | None = None
    active_model_id: str | None = None
    run_context: str | None = None
    """A JSON object of tags that every run of this process gets."""
    git_diff: bool = True
    async_logging: bool = False
    http: HttpSettings = HttpSettings()
    spool: SpoolSettings = SpoolSettings()

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Raises InvalidParameterValue: a variable does not hold what it should; the message names it."""
        env = _Variables(environ)
        experiment_id, experiment_name = env.experiment()
        return cls(
            tracking_uri=env.text("TRACKING_URI"),
            registry_uri=env.text("REGISTRY_URI"),
            experiment_id=experiment_id,
            experiment_name=experiment_name,
            run_id=env.text("RUN_ID"),
            active_model_id=env.text("ACTIVE_MODEL_ID"),
            run_context=env.text("RUN_CONTEXT"),
            git_diff=env.flag("GIT_DIFF", default=True),
            async_logging=env.flag("ENABLE_ASYNC_LOGGING", default=False),
            http=_read_http(env),
            spool=_read_spool(env),
        )

    def run_context_tags(self) -> dict[str, str]:
        """The tags of `run_context`. Raises InvalidParameterValue: it is no JSON object."""
        if self.run_context is None:
            return {}
        try:
            tags = json.loads(self.run_context)
        except ValueError as error:
            raise InvalidParameterValue(f"RUNEBOOK_RUN_CONTEXT (or MLFLOW_RUN_CONTEXT) is no JSON: {error}.") from None
        if not isinstance(tags, dict):
            raise InvalidParameterValue("RUNEBOOK_RUN_CONTEXT (or MLFLOW_RUN_CONTEXT) must hold a JSON object of tags.")
        return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in tags.items()}


class _Variables:
    """Reads a variable under each prefix in turn."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def named(self, name: str) -> tuple[str, str] | None:
        """The name under which it is set, and its value."""
        for prefix in PREFIXES:
            value = self._environ.get(prefix + name)
            if value:
                return prefix + name, value
        return None

    def text(self, name: str) -> str | None:
        found = self.named(name)
        return found[1] if found else None

    def secret(self, name: str) -> Secret | None:
        found = self.named(name)
        return Secret(found[1]) if found else None

    def flag(self, name: str, *, default: bool) -> bool:
        found = self.named(name)
        if found is None:
            return default
        lowered = found[1].strip().lower()
        if lowered not in _TRUE | _FALSE:
            raise InvalidParameterValue(f"{found[0]} must be true or false, got {found[1]!r}.")
        return lowered in _TRUE

    def number(self, name: str, default: NumberT, *, at_most: NumberT | None = None) -> NumberT:
        found = self.named(name)
        if found is None:
            return default
        try:
            value = type(default)(found[1])
        except ValueError:
            value = type(default)(-1)
        if not value >= 0:
            raise InvalidParameterValue(f"{found[0]} must be a number that is not negative, got {found[1]!r}.")
        return value if at_most is None else min(value, at_most)

    def experiment(self) -> tuple[str | None, str | None]:
        """Id and name of one prefix: what RUNEBOOK_* says of the experiment is not mixed with what MLFLOW_* says."""
        for prefix in PREFIXES:
            experiment_id = self._environ.get(prefix + "EXPERIMENT_ID") or None
            name = self._environ.get(prefix + "EXPERIMENT_NAME") or None
            if experiment_id or name:
                return experiment_id, name
        return None, None


def _read_http(env: _Variables) -> HttpSettings:
    return HttpSettings(
        username=env.text("TRACKING_USERNAME"),
        password=env.secret("TRACKING_PASSWORD"),
        token=env.secret("TRACKING_TOKEN"),
        insecure_tls=env.flag("TRACKING_INSECURE_TLS", default=False),
        server_cert_path=env.text("TRACKING_SERVER_CERT_PATH"),
        client_cert_path=env.text("TRACKING_CLIENT_CERT_PATH"),
        max_retries=env.number("HTTP_REQUEST_MAX_RETRIES", 7, at_most=MAX_HTTP_RETRIES),
        backoff_factor=env.number("HTTP_REQUEST_BACKOFF_FACTOR", 2.0, at_most=MAX_BACKOFF_SECONDS),
        backoff_jitter=env.number("HTTP_REQUEST_BACKOFF_JITTER", 1.0, at_most=MAX_BACKOFF_SECONDS),
        timeout_seconds=env.number("HTTP_REQUEST_TIMEOUT", 120.0),
        respect_retry_after=env.flag("HTTP_RESPECT_RETRY_AFTER_HEADER", default=True),
        allow_redirects=env.flag("ALLOW_HTTP_REDIRECTS", default=True),
        pool_size=max(1, env.number("HTTP_POOL_MAXSIZE", 10)),
    )


def _read_spool(env: _Variables) -> SpoolSettings:
    mode = env.text("MODE") or "online"
    if mode not in ("online", "offline"):
        raise InvalidParameterValue(f"RUNEBOOK_MODE must be online or offline, got {mode!r}.")
    return SpoolSettings(
        directory=env.text("SPOOL_DIR"),
        limit_bytes=max(MIN_SPOOL_MB, env.number("SPOOL_LIMIT_MB", 1024)) * MEGABYTE,
        is_offline=mode == "offline",
        patience_seconds=env.number("FLUSH_TIMEOUT", 30.0),
        lease_ms=int(max(1.0, env.number("LEASE_SECONDS", 60.0)) * 1000),
    )
