"""Writes docs/reference/cli.md from the commands themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runebook.cli.main import (
    COMMANDS,
    CONFLICT,
    EXIT_CODES,
    INTERRUPTED,
    NOT_FOUND,
    OK,
    PERMISSION,
    READER_GONE,
    UNAVAILABLE,
    UNEXPECTED,
    UNSUPPORTED,
    USAGE,
    cli,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"

MEANINGS = {
    OK: "Done.",
    UNEXPECTED: "A defect of Runebook, or an error that no other code stands for; `doctor` found a problem.",
    USAGE: "The command line, a filter or a value is wrong.",
    NOT_FOUND: "There is no such thing.",
    CONFLICT: "The name is taken, the thing is not in a state that allows this, or somebody else changed it.",
    PERMISSION: "The store does not know who you are, or you may not do this.",
    UNAVAILABLE: "The store or server cannot be reached now; trying again later is safe.",
    UNSUPPORTED: "This store or installation cannot do it; the message says what is missing.",
    INTERRUPTED: "Ctrl-C.",
    READER_GONE: "The program that read the output, such as `head`, has seen enough.",
}

INTRODUCTION = """\
# Command line

This page is written by `make docs`, from the commands themselves.

`runebook [--tracking-uri URI] [--env-file FILE] COMMAND ...` works on the store or server at the URI: by default what
`RUNEBOOK_TRACKING_URI` or `MLFLOW_TRACKING_URI` says, else `runebook.db` in the working directory
([configuration](configuration.md)). Commands and options have MLflow's names.

A table on a terminal becomes tab-separated lines in a pipe; `--json` prints JSON, in which numbers that are not
finite are the texts `"NaN"`, `"Infinity"` and `"-Infinity"`.

## Exit codes

An error is told on stderr, after `Error:`; under `--json` it is one line, `{"error_code": ..., "message": ...}`.

| exit code | meaning | error codes |
|---|---|---|
"""


def render() -> str:
    """The whole page."""
    lines = [
        f"| {code} | {meaning} | {', '.join(f'`{name}`' for name, of in EXIT_CODES.items() if of == code)} |"
        for code, meaning in MEANINGS.items()
    ]
    return INTRODUCTION + "\n".join([*lines, "", *_global_options(), *_commands()]).rstrip() + "\n"


def _global_options() -> Iterator[str]:
    yield "## Options before the command"
    yield ""
    yield from _parameters(cli, click.Context(cli))


def _commands() -> Iterator[str]:
    context = click.Context(cli, info_name="runebook")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield f"## {name}"
        yield ""
        if name == "ui":
            yield "The same as [server](#server)."
            yield ""
            continue
        yield from _text(command)
        if isinstance(command, click.Group):
            for sub_name, sub_command in _without_aliases(command):
                yield f"### {name} {' | '.join(sub_name)}"
                yield ""
                yield from _text(sub_command)
                yield from _parameters(sub_command, context)
        else:
            yield from _parameters(command, context)


def _without_aliases(group: click.Group) -> Iterator[tuple[Sequence[str], click.Command]]:
    """Each command once, with all its names."""
    for first, command in group.commands.items():
        names = [name for name, other in group.commands.items() if other is command]
        if names[0] == first:
            yield names, command


def _text(command: click.Command) -> Iterator[str]:
    yield from (line.strip() for line in (command.help or "").strip().splitlines())
    yield ""


def _parameters(command: click.Command, context: click.Context) -> Iterator[str]:
    arguments = [p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)]
    if arguments:
        yield "Arguments: " + ", ".join(f"`{argument}`" for argument in arguments)
        yield ""
    yield "| option | meaning |"
    yield "|---|---|"
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            names, meaning = (text.replace("|", r"\|").replace("\n", " ") for text in record)
            yield f"| `{names}` | {meaning}{_variables(parameter)} |"
    yield ""


def _variables(parameter: click.Parameter) -> str:
    variables = [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar or []
    return f" ({', '.join(f'`{name}`' for name in variables)})" if variables else ""


def main() -> None:
    """Write the page, or with `--check` fail when it is not up to date."""
    page = render()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != page:
            sys.exit(f"{TARGET.name} is not up to date: run `make docs` and commit it.")
        return
    TARGET.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
