"""The entry point: finds commands without importing all of them, and turns errors into exit codes."""

from __future__ import annotations

import errno
import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import click

from runebook._version import __version__
from runebook.cli.env_file import load_env_file
from runebook.cli.session import Session
from runebook.core.errors import RunebookError, TemporarilyUnavailable

OK, UNEXPECTED, USAGE, NOT_FOUND, CONFLICT, PERMISSION, UNAVAILABLE, UNSUPPORTED = range(8)
INTERRUPTED = 130
READER_GONE = 141

EXIT_CODES = {
    "INTERNAL_ERROR": UNEXPECTED,
    "INVALID_PARAMETER_VALUE": USAGE,
    "BAD_REQUEST": USAGE,
    "REQUEST_TOO_LARGE": USAGE,
    "RESOURCE_DOES_NOT_EXIST": NOT_FOUND,
    "RESOURCE_ALREADY_EXISTS": CONFLICT,
    "INVALID_STATE": CONFLICT,
    "RESOURCE_CONFLICT": CONFLICT,
    "PERMISSION_DENIED": PERMISSION,
    "UNAUTHENTICATED": PERMISSION,
    "TEMPORARILY_UNAVAILABLE": UNAVAILABLE,
    "NOT_IMPLEMENTED": UNSUPPORTED,
    "MISSING_EXTRA": UNSUPPORTED,
    "ENDPOINT_NOT_FOUND": UNSUPPORTED,
    "METHOD_NOT_ALLOWED": UNSUPPORTED,
}
"""Exit codes by error code; docs/reference/cli.md explains them. A code of a foreign server's is UNEXPECTED."""


class LazyCommand(NamedTuple):
    """Where a command is, and its line in `--help`, so that neither help nor another command imports it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "server": LazyCommand("runebook.cli.server", "server", "Serve a store to clients and browsers."),
    "ui": LazyCommand("runebook.cli.server", "server", "The same as server."),
    "experiments": LazyCommand("runebook.cli.experiments", "experiments", "Make, find and change experiments."),
    "runs": LazyCommand("runebook.cli.runs", "runs", "Make, find and change runs."),
    "artifacts": LazyCommand("runebook.cli.artifacts", "artifacts", "List, fetch and add the files of runs."),
    "sync": LazyCommand("runebook.cli.sync", "sync", "Ship what was logged while its store was away."),
    "db": LazyCommand("runebook.cli.db", "db", "Look after the database of a store."),
    "doctor": LazyCommand("runebook.cli.doctor", "doctor", "Check this installation and its store."),
    "demo": LazyCommand("runebook.cli.demo", "demo", "Train a few models, and see their runs logged and found."),
}


class Commands(click.Group):
    """Imports the one command that is called, and ends the process with a code that scripts can use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        found = COMMANDS.get(cmd_name)
        if found is None:
            return None
        command: click.Command = getattr(importlib.import_module(found.module), found.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
            _discard_output()
            ctx.exit(READER_GONE)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            _discard_output()
            raise TemporarilyUnavailable(f"The disk is full: {error}. Make room, and try again.") from error
        return result

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002  # click's signature
        **extra: Any,
    ) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        call = {"args": arguments, "prog_name": prog_name, "complete_var": complete_var, **extra}
        if not standalone_mode:
            return super().main(standalone_mode=False, **call)
        try:
            result = super().main(standalone_mode=False, **call)
        except Exception as error:  # noqa: BLE001  # the outermost edge: every error becomes an exit code here
            _exit_with(error, as_json="--json" in arguments)
        sys.exit(result if isinstance(result, int) else OK)


def _discard_output() -> None:
    """What could not be printed: Python flushes once more in the end, and would complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit_with(error: Exception, *, as_json: bool) -> NoReturn:
    """Say what went wrong, in one line on stderr where that is enough, and exit."""
    if isinstance(error, click.Abort):
        click.echo("Interrupted", err=True)
        sys.exit(INTERRUPTED)
    if isinstance(error, RunebookError):
        _report(error.error_code, error.message, as_json=as_json)
        sys.exit(EXIT_CODES.get(error.error_code, UNEXPECTED))
    if isinstance(error, click.ClickException):
        if as_json:
            _report("INVALID_PARAMETER_VALUE", error.format_message(), as_json=True)
        else:
            error.show()
        sys.exit(USAGE)
    traceback.print_exception(error)
    _report("INTERNAL_ERROR", f"{type(error).__name__}: {error}. This is a defect of Runebook.", as_json=as_json)
    sys.exit(UNEXPECTED)


def _report(code: str, message: str, *, as_json: bool) -> None:
    text = json.dumps({"error_code": code, "message": message}) if as_json else f"Error: {message}"
    click.echo(text, err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="runebook", message="%(prog)s %(version)s")
@click.option("--tracking-uri", metavar="URI", help="The store or server to use, instead of RUNEBOOK_TRACKING_URI.")
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Set the variables of this file, those excepted that are set already.",
)
@click.pass_context
def cli(ctx: click.Context, tracking_uri: str | None, env_file: Path | None) -> None:
    """The lab book of machine-learning runs."""
    if env_file is not None:
        load_env_file(env_file)
    ctx.obj = Session(tracking_uri)


def main() -> None:
    """The `runebook` command."""
    cli(prog_name="runebook")
