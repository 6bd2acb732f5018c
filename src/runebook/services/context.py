"""What a use case knows beside its request and its transaction: who calls, and what this server is."""

from __future__ import annotations

from typing import NamedTuple

from runebook.artifacts.base import ArtifactAccess


class Caller(NamedTuple):
    """Who calls. Embedded, and on a server without sign-in, it is the one user who owns everything."""

    name: str


OWNER = Caller(name="owner")


class ServerFacts(NamedTuple):
    """What `server-info` tells clients beside what the store is."""

    artifact_serving_enabled: bool = False


class Context(NamedTuple):
    """The surroundings of one call."""

    caller: Caller
    artifacts: ArtifactAccess
    facts: ServerFacts
    store_type: str
    artifact_root: str
    now_ms: int
