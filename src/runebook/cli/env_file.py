"""Files of environment variables, as `--env-file` takes them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click


def load_env_file(path: Path) -> None:
    """Set the variables of a file of `NAME=value` lines; one that the environment has already stays as it is."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path} cannot be read as text: {error}") from error
    for number, line in enumerate(lines, start=1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise click.UsageError(f"{path}, line {number}: expected NAME=value")
        os.environ.setdefault(name.strip(), _unquoted(value, where=f"{path}, line {number}"))


def _unquoted(value: str, *, where: str) -> str:
    """The value as a shell would read it: quotes kept together, a comment after a space dropped."""
    try:
        return " ".join(shlex.split(value, comments=True))
    except ValueError as error:
        raise click.UsageError(f"{where}: {error}") from error
