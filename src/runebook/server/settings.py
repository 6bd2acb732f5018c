"""What a server is told when it starts. Nothing below reads the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runebook.core.errors import InvalidParameterValue
from runebook.core.limits import MAX_BODY_BYTES

MAX_UPLOAD_FORM_BYTES = 10 * 1024 * 1024
"""Bytes that the UI may send to `upload-artifact` in one request."""


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """The settings of one server. A value that cannot work is refused when the settings are made.

    Args:
        default_artifact_root: where experiments keep artifacts that name no place; None for what the server
            serves, or `./mlruns` when it serves nothing.
        artifacts_destination: the folder behind `mlflow-artifacts:`.
        allowed_hosts: Host headers to answer beside those of local and private addresses; `*` stands for any text.
        cors_allowed_origins: origins of web pages that may use this server beside local ones; `*` for all.
        x_frame_options: the header of that name; "NONE" leaves it out.
        graceful_stop_s: how long a stop waits for requests in flight.
        fold_interval_s: between two looks for points to fold.
        lease_interval_s: between two looks for runs whose leases ran out.
        log_format: "text" (key=value) or "json".

    """

    backend_store_uri: str
    default_artifact_root: str | None = None
    artifacts_destination: str = "./mlartifacts"
    serve_artifacts: bool = True
    host: str = "127.0.0.1"
    port: int = 5000
    workers: int = 1
    static_prefix: str = ""
    allowed_hosts: tuple[str, ...] = ()
    cors_allowed_origins: tuple[str, ...] = ()
    x_frame_options: str = "SAMEORIGIN"
    disable_security: bool = False
    max_body_bytes: int = MAX_BODY_BYTES
    graceful_stop_s: int = 60
    fold_interval_s: float = 5.0
    lease_interval_s: float = 5.0
    log_format: str = "text"
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InvalidParameterValue(f"--port must lie between 0 and 65535, got {self.port}.")
        if self.workers < 1:
            raise InvalidParameterValue(f"--workers must be at least 1, got {self.workers}.")
        if self.workers > 1 and self.backend_store_uri.startswith("memory:"):
            raise InvalidParameterValue("A store in memory lives in one process: start it with --workers 1.")
        if self.static_prefix and (not self.static_prefix.startswith("/") or self.static_prefix.endswith("/")):
            raise InvalidParameterValue(
                f"--static-prefix must start with '/' and must not end with it, got {self.static_prefix!r}."
            )
        if self.log_format not in {"text", "json"}:
            raise InvalidParameterValue(f"The log format must be 'text' or 'json', got {self.log_format!r}.")

    @property
    def artifact_root(self) -> str:
        """Where experiments keep artifacts when they name no place, without a trailing slash."""
        if self.default_artifact_root:
            return self.default_artifact_root.rstrip("/") or "/"
        return "mlflow-artifacts:" if self.serve_artifacts else str(Path("mlruns").absolute())
