"""Ships spools on demand: what other processes left on this machine, or what was copied from another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from runebook.client.spool.artifacts import waiting_files
from runebook.client.spool.folder import REFUSED, Description, is_spool, read_description
from runebook.client.spool.leaving import Tally, ship_spool
from runebook.client.spool.left import LeftSpool
from runebook.client.transport import Transport
from runebook.core.errors import NotFound, PermissionDenied, RunebookError, TemporarilyUnavailable

AT_ONCE = 4
"""Spools that are shipped at the same time."""


class Synced(Struct, kw_only=True):
    """What became of one spool."""

    path: Path
    description: Description | None = None
    """None of a spool that does not tell."""
    destination: str = ""
    tally: Tally
    """What was shipped; of a spool that was only looked at, what would be."""
    is_busy: bool = False
    """Another process ships it now."""
    is_written: bool = False
    """Its process is at work still: there may be more later."""
    error: RunebookError | None = None
    """Why it could not be shipped, or not to its end."""

    @property
    def refused_in(self) -> Path | None:
        """The file that keeps what its store refused, now or earlier."""
        kept = self.path / REFUSED
        return kept if os.access(kept, os.R_OK) else None


def spools_in(places: Iterable[Path]) -> Iterator[Path]:
    """Spools at places that are spools, or folders of them; the oldest first.

    Raises:
        NotFound: there is no such place.
        PermissionDenied: it is another user's.

    """
    for place in places:
        if not place.is_dir():
            raise NotFound(f"There is no folder {place}.")
        if not os.access(place, os.R_OK | os.X_OK):
            raise PermissionDenied(f"{place} belongs to another user: ship what is there as that user.")
        if is_spool(place):
            yield place
        else:
            yield from sorted(path for path in place.iterdir() if is_spool(path))


class Sync:
    """Ships spools, some of them at the same time.

    Args:
        destination: the store that a spool goes to; None leaves it out.
        connect: opens the way to a store. It is called once per store.
        is_dry_run: whether to look only.

    """

    def __init__(
        self,
        destination: Callable[[Description], str | None],
        connect: Callable[[str], Transport],
        *,
        is_dry_run: bool = False,
    ) -> None:
        self.left_out: list[Description] = []
        self.synced: list[Synced] = []
        """Of all spools that were chosen, in their order; they grow while they are shipped."""
        self._destination = destination
        self._connect = connect
        self._is_dry_run = is_dry_run
        self._transports: dict[str, Transport] = {}

    def choose(self, paths: Iterable[Path]) -> None:
        """Note which spools are to be shipped."""
        for path in paths:
            try:
                description = read_description(path)
            except NotFound:
                continue  # it was shipped and removed meanwhile
            except RunebookError as error:
                self.synced.append(Synced(path=path, tally=Tally(), error=error))
                continue
            destination = self._destination(description)
            if destination is None:
                self.left_out.append(description)
            else:
                self.synced.append(Synced(path=path, description=description, destination=destination, tally=Tally()))

    def start(self) -> tuple[ThreadPoolExecutor, list[Future[None]]]:
        """Ship them in threads. Whoever called this waits, and closes."""
        chosen = [one for one in self.synced if one.error is None]
        self._open([] if self._is_dry_run else chosen)
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="runebook-sync")
        return pool, [pool.submit(self._sync, one) for one in chosen if one.error is None]

    def close(self) -> None:
        """Let go of the stores."""
        for transport in self._transports.values():
            transport.close()
        self._transports.clear()

    def _open(self, chosen: Iterable[Synced]) -> None:
        failures: dict[str, RunebookError] = {}
        for one in chosen:
            uri = one.destination
            if uri not in self._transports and uri not in failures:
                try:
                    self._transports[uri] = self._connect(uri)
                except RunebookError as error:
                    failures[uri] = error
            one.error = failures.get(uri)

    def _sync(self, one: Synced) -> None:
        try:
            spool = LeftSpool.take(one.path)
            if spool is None:
                one.is_busy = True
                return
            try:
                self._look(spool, one) if self._is_dry_run else self._ship(spool, one)
            finally:
                one.is_written = spool.is_owned
                spool.close(may_remove=not self._is_dry_run)
        except NotFound:
            return  # it was shipped and removed meanwhile
        except RunebookError as error:
            one.error = error
        except OSError as error:
            one.error = TemporarilyUnavailable(f"The spool in {one.path} cannot be worked on: {error}.")
        one.error = one.error or one.tally.first_error

    def _ship(self, spool: LeftSpool, one: Synced) -> None:
        for _ in ship_spool(spool, self._transports[one.destination], one.tally):
            pass

    def _look(self, spool: LeftSpool, one: Synced) -> None:
        one.tally.records, one.tally.record_bytes = spool.waiting()[1:]
        one.tally.files = sum(1 for _ in waiting_files(spool.folder.path))
