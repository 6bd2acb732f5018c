"""`runebook sync`: ships what was logged away from its store."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import structs

from runebook.cli.masking import masked_uri
from runebook.cli.options import json_option
from runebook.cli.output import print_json
from runebook.cli.session import Session

if TYPE_CHECKING:
    from runebook.client.spool.folder import Description
    from runebook.client.spool.syncing import Sync, Synced

TRIES_AFTER_THE_FIRST = 2
"""Who calls this can call it again, and wants to know soon."""

SHOW_AFTER_SECONDS = 1.0
LOOK_SECONDS = 0.2


@click.command("sync")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--all", "is_all", is_flag=True, help="Ship what was logged to other stores too, each to its own.")
@click.option(
    "--spool-dir",
    type=click.Path(path_type=Path),
    help="The folder of the spools.  [default: RUNEBOOK_SPOOL_DIR, else one of this user]",
)
@click.option("--tracking-uri", "send_to", metavar="URI", help="Ship to this store, whatever the spools name.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Say what there is to ship, and do nothing.")
@json_option
@click.pass_context
def sync(
    ctx: click.Context,
    *,
    paths: tuple[Path, ...],
    is_all: bool,
    spool_dir: Path | None,
    send_to: str | None,
    is_dry_run: bool,
    as_json: bool,
) -> None:
    """Ship what was logged while its store was away.

    That is what runs logged in offline mode, or while their server could not be reached, or could not ship before their
    process ended. By default it is what lies on this machine for the store of the tracking URI. A PATH is a spool, or a
    folder of spools, such as one copied from another machine; those go to the stores that they name. Every record
    arrives once, however often and from however many machines it is shipped. Runs may go on logging meanwhile.
    """
    from runebook.client.opening import connect  # help needs no client
    from runebook.client.spool.folder import spool_root
    from runebook.client.spool.syncing import Sync, spools_in
    from runebook.client.uris import absolute
    from runebook.config import Settings

    session: Session = ctx.obj
    settings = Settings.read()
    root = spool_root(str(spool_dir) if spool_dir is not None else settings.spool.directory)
    places = [*paths] if paths or not root.is_dir() else [root]
    destination = _destination(
        None if paths or is_all else session.resolved_uri(), absolute(send_to) if send_to else None
    )
    http = structs.replace(settings.http, max_retries=min(settings.http.max_retries, TRIES_AFTER_THE_FIRST))
    work = Sync(destination, lambda uri: connect(uri, http), is_dry_run=is_dry_run)
    work.choose(spools_in(places))
    try:
        _perform(work)
    finally:
        work.close()
    if as_json:
        print_json([_as_json(one) for one in work.synced])
    else:
        _print(work, root, is_dry_run=is_dry_run)
    ctx.exit(_exit_code(work.synced))


def _destination(only: str | None, send_to: str | None) -> Callable[[Description], str | None]:
    """Where each spool goes: those of one store alone, when there is one; all to one store, when that is named."""

    def decide(description: Description) -> str | None:
        if only is not None and description.tracking_uri != only:
            return None
        return send_to or description.tracking_uri

    return decide


def _perform(work: Sync) -> None:
    """Ship, and show how far it is when it takes longer than a moment."""
    pool, futures = work.start()
    try:
        wait(futures, SHOW_AFTER_SECONDS)
        if sys.stderr is not None and sys.stderr.isatty():
            with _progress(work) as show:
                while _left(futures):
                    show()
                    time.sleep(LOOK_SECONDS)
        for future in futures:
            future.result()
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    finally:
        pool.shutdown()


def _left(futures: list[Future[None]]) -> int:
    return sum(not future.done() for future in futures)


@contextmanager
def _progress(work: Sync) -> Iterator[Callable[[], None]]:
    from rich.console import Console  # slow to import, and rarely needed
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("")

        def show() -> None:
            records = sum(one.tally.records for one in work.synced)
            files = sum(one.tally.files for one in work.synced)
            done = f"{_count(records, 'record')} and {_count(files, 'file')}"
            progress.update(task, description=f"{done} of {_count(len(work.synced), 'spool')}")

        show()
        yield show


def _print(work: Sync, root: Path, *, is_dry_run: bool) -> None:
    for one in work.synced:
        click.echo(f"{one.path}: {_sentence(one, is_dry_run=is_dry_run)}")
    records = sum(one.tally.records for one in work.synced)
    failed = sum(one.error is not None for one in work.synced)
    if work.synced:
        done = "to ship" if is_dry_run else "shipped"
        end = f", {failed} failed" if failed else ""
        click.echo(f"{_count(len(work.synced), 'spool')}, {_count(records, 'record')} {done}{end}.")
    else:
        click.echo(f"There is nothing to ship in {root}.")
    if work.left_out:
        stores = sorted({masked_uri(description.tracking_uri) for description in work.left_out})
        others = _count(len(work.left_out), "spool")
        click.echo(f"Left out: {others} for {', '.join(stores)}. --all ships to all stores.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sentence(one: Synced, *, is_dry_run: bool) -> str:
    """What became of a spool, in one line."""
    tally = one.tally
    parts = [f"{_count(tally.records, 'record')} ({one.tally.record_bytes} bytes)"]
    if not is_dry_run:
        parts.insert(0, _count(len(tally.runs), "run"))
    if tally.files:
        parts.append(_count(tally.files, "file"))
    text = f"{', '.join(parts)} to {masked_uri(one.destination)}" if one.description is not None else ""
    if one.is_busy:
        text = "another process ships it now"
    elif one.is_written:
        text += "; its process goes on"
    if tally.refused or tally.files_refused:
        text += f"; {tally.refused + tally.files_refused} refused"
    if one.refused_in is not None:
        text += f", which {one.refused_in} keeps" if tally.refused else f"; refused before: {one.refused_in}"
    if one.error is not None:
        text = f"{text}; {one.error}" if tally.records else str(one.error)
    return text


def _as_json(one: Synced) -> dict[str, Any]:
    description = one.description
    return {
        "path": str(one.path),
        "tracking_uri": None if description is None else masked_uri(description.tracking_uri),
        "destination": masked_uri(one.destination) or None,
        "host": None if description is None else description.host,
        "process_id": None if description is None else description.process_id,
        "created": None if description is None else description.created,
        "is_written": one.is_written,
        "is_busy": one.is_busy,
        "runs": sorted(one.tally.runs),
        "records": one.tally.records,
        "record_bytes": one.tally.record_bytes,
        "files": one.tally.files,
        "file_bytes": one.tally.file_bytes,
        "refused": one.tally.refused + one.tally.files_refused,
        "refused_in": None if one.refused_in is None else str(one.refused_in),
        "error_code": None if one.error is None else one.error.error_code,
        "message": None if one.error is None else one.error.message,
    }


def _exit_code(synced: list[Synced]) -> int:
    """That of the first failure; a refusal is a conflict with what is stored."""
    from runebook.cli.main import CONFLICT, EXIT_CODES, OK, UNEXPECTED  # which imports this module when it is called

    for one in synced:
        if one.error is not None:
            return EXIT_CODES.get(one.error.error_code, UNEXPECTED)
    return CONFLICT if any(one.tally.refused for one in synced) else OK
