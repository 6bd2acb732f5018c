"""`runebook server`: the flags of `mlflow server` that apply, made into the settings of a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

DEFAULT_STORE = "sqlite:///runebook.db"


def _option(*names: str, variable: str, **attributes: Any) -> Callable[[Any], Any]:
    """An option that may be set by RUNEBOOK_<variable>, or else by MLFLOW_<variable>."""
    return click.option(*names, envvar=[f"RUNEBOOK_{variable}", f"MLFLOW_{variable}"], **attributes)


def _comma_separated(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


@click.command("server")
@_option(
    "--backend-store-uri",
    variable="BACKEND_STORE_URI",
    metavar="URI",
    default=DEFAULT_STORE,
    show_default=True,
    help="Where runs are kept: sqlite:///FILE, postgresql://..., mysql://..., or a folder of files.",
)
@_option(
    "--default-artifact-root",
    variable="DEFAULT_ARTIFACT_ROOT",
    metavar="URI",
    help="Where new experiments keep files.  [default: with this server, or ./mlruns under --no-serve-artifacts]",
)
@_option(
    "--artifacts-destination",
    variable="ARTIFACTS_DESTINATION",
    metavar="URI",
    default="./mlartifacts",
    show_default=True,
    help="Where this server keeps the files that clients give it.",
)
@_option(
    "--serve-artifacts/--no-serve-artifacts",
    variable="SERVE_ARTIFACTS",
    default=True,
    show_default=True,
    help="Whether clients may put and get files through this server.",
)
@_option("--host", "-h", variable="HOST", default="127.0.0.1", show_default=True, help="The address to listen on.")
@_option(
    "--port",
    "-p",
    variable="PORT",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@_option(
    "--workers",
    "-w",
    variable="WORKERS",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes.",
)
@_option("--static-prefix", variable="STATIC_PREFIX", default="", help="A path before all others, such as /tracker.")
@_option(
    "--allowed-hosts",
    variable="SERVER_ALLOWED_HOSTS",
    callback=_comma_separated,
    metavar="HOST,...",
    help="Names that this server answers to, beside local and private addresses; * stands for any text.",
)
@_option(
    "--cors-allowed-origins",
    variable="SERVER_CORS_ALLOWED_ORIGINS",
    callback=_comma_separated,
    metavar="ORIGIN,...",
    help="Web pages that may call this server, beside its own.",
)
@_option(
    "--x-frame-options",
    variable="SERVER_X_FRAME_OPTIONS",
    default="SAMEORIGIN",
    show_default=True,
    help="Who may show it in a frame: SAMEORIGIN, DENY, or NONE for everybody.",
)
@_option(
    "--disable-security-middleware",
    "disable_security",
    variable="SERVER_DISABLE_SECURITY_MIDDLEWARE",
    is_flag=True,
    help="Answer to every host name and every web page. Dangerous: any page that a user visits can then read runs.",
)
@click.option(
    "--log-format",
    envvar="RUNEBOOK_LOG_FORMAT",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the log is written.",
)
def server(**flags: Any) -> None:
    """Serve a store to clients and browsers.

    The clients may be Runebook's or MLflow's. It runs until SIGTERM or Ctrl-C, and finishes what it has accepted.
    """
    serve_store(**flags)


def serve_store(**settings: Any) -> None:
    """Serve until stopped; the settings are those of `runebook.server.settings.ServerSettings`."""
    from runebook.server.run import serve  # help needs no server
    from runebook.server.settings import ServerSettings

    serve(ServerSettings(**settings))


def require_free_address(host: str, port: int) -> None:
    """For those who do long work before they serve. Raises InvalidParameterValue: the port is taken."""
    from runebook.server.run import bind

    bind(host, port).close()
