"""`runebook db`: for who looks after the database of a store. It alone speaks of schemas, which clients never see."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

from runebook.cli.masking import masked_uri
from runebook.cli.options import json_option
from runebook.cli.output import print_json
from runebook.cli.session import Session
from runebook.core.errors import InvalidParameterValue, NotFound

uri_argument = click.argument("uri", required=False)


class SchemaVersions(NamedTuple):
    """The version of a store's schema (None: it has none yet), and the one that this release works with."""

    stored: int | None
    newest: int


def is_database(uri: str) -> bool:
    return uri.partition(":")[0].partition("+")[0] in {"sqlite", "postgresql", "postgres", "mysql", "mariadb"}


def schema_versions(uri: str) -> SchemaVersions:
    """Changes nothing. Raises InvalidState: the tables in there are not Runebook's."""
    from runebook.storage.sql.creation import schema_version  # help needs no database
    from runebook.storage.sql.schema import SCHEMA_VERSION
    from runebook.storage.sql.uris import database

    opened = database(uri)
    try:
        with opened.reading() as transaction:
            return SchemaVersions(schema_version(transaction), SCHEMA_VERSION)
    finally:
        opened.close()


@click.group()
def db() -> None:
    """Look after the database of a store."""


@db.command("upgrade")
@uri_argument
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
@click.pass_obj
def upgrade(session: Session, *, uri: str | None, dry_run: bool, as_json: bool) -> None:
    """Bring the schema of the database at URI up to this release.

    URI is by default the tracking URI. Make a backup first. Servers of the release before may go on meanwhile, unless
    --dry-run says otherwise. Cut off, it is simply run again.
    """
    from runebook.storage.sql.migrations import runner

    place = _existing_database(uri or session.resolved_uri())
    steps = runner.plan(place) if dry_run else runner.upgrade(place)
    if as_json:
        print_json(
            {"dry_run": dry_run, "steps": [{**step._asdict(), "statements": [*step.statements]} for step in steps]}
        )
        return
    for step in steps:
        click.echo(f"{'Would run' if dry_run else 'Ran'} step {step.version}, {step.name}: {step.summary}")
        if dry_run:
            click.echo("".join(f"  {statement};\n" for statement in step.statements), nl=False)
    if not steps:
        click.echo(f"Nothing to do: {_state(schema_versions(place))}.")


@db.command("version")
@uri_argument
@json_option
@click.pass_obj
def version(session: Session, *, uri: str | None, as_json: bool) -> None:
    """Print the version of the schema of the database at URI, by default the tracking URI."""
    found = schema_versions(_existing_database(uri or session.resolved_uri()))
    if as_json:
        print_json(found._asdict())
    else:
        click.echo(_state(found))


def _state(found: SchemaVersions) -> str:
    if found.stored is None:
        return f"the database is empty; its first use makes a schema of version {found.newest}"
    return f"the schema has version {found.stored}; this release works with version {found.newest}"


def _existing_database(uri: str) -> str:
    """The URI, if it is one of a database, and of one that is there: SQLite would make a missing file."""
    if not is_database(uri):
        raise InvalidParameterValue(f"{masked_uri(uri)!r} is no database: only those have a schema.")
    path = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///") and not path.is_file():
        raise NotFound(f"There is no file {path}.")
    return uri
