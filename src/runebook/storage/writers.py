"""What a storage backend promises of those that ship to it; part of `base`.

How far it has come with each, and who is at work on which run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from runebook.core.ids import RunId, WriterId


class WriterStore(Protocol):
    """How far the store has come with what each writer ships."""

    def last_sequences(self, writers: Iterable[WriterId]) -> dict[WriterId, int]:
        """The last of each writer's records that is stored; nothing of one that is new, or silent for 90 days.

        No other transaction adds anything of these writers before this one ends. Whoever needs several asks for all of
        them at once, and before it locks runs.
        """

    def advance(self, sequences: Mapping[WriterId, int], now_ms: int) -> None:
        """Note how far the store has come with writers that this transaction asked for.

        Raises:
            TransactionConflict: another transaction made one of them meanwhile.

        """


class Lease(NamedTuple):
    """A writer is at work on a run; that is believed until then, in milliseconds since the epoch.

    One that ended before the epoch says something else; `services.leases` knows what.
    """

    run_id: RunId
    writer: WriterId
    until_ms: int


class LeaseStore(Protocol):
    """Who is at work on which run. Leases of a run change under its lock, which the caller holds."""

    def of(self, run_ids: Iterable[str]) -> list[Lease]:
        """All leases of these runs, those that have run out included."""

    def renew(self, leases: Sequence[Lease]) -> None:
        """Note leases; one of the same run and writer is replaced."""

    def release(self, held: Iterable[tuple[str, WriterId]]) -> None:
        """Give up leases, by run and writer."""

    def clear(self, run_ids: Iterable[str]) -> None:
        """Give up all leases of these runs: they have ended."""

    def expired(self, now_ms: int, max_runs: int) -> list[RunId]:
        """Runs with leases of which every one has run out, those silent for longest first."""
