"""What one call of the command line shares among its commands: the client, made when first needed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from runebook.core.errors import NotFound

if TYPE_CHECKING:
    from runebook.client.client import Client

PAGE_SIZE = 1000
"""Things asked for at a time, so that neither side holds a long list as one message."""


class Session:
    """Where to work, and the client that works there."""

    def __init__(self, tracking_uri: str | None) -> None:
        self.tracking_uri = tracking_uri

    @cached_property
    def client(self) -> Client:
        from runebook.client.client import Client  # help and usage errors need no client

        return Client(self.tracking_uri)

    def resolved_uri(self) -> str:
        """The store's URI, from the option, the environment or the default, in absolute form; it is not opened."""
        from runebook.client.tracking_uri import get_tracking_uri
        from runebook.client.uris import absolute

        return absolute(self.tracking_uri) if self.tracking_uri else get_tracking_uri()

    def default_experiment(self) -> tuple[str | None, str | None]:
        """Id and name of the experiment that the environment names. An id counts before a name, as in a script."""
        from runebook.config import Settings

        settings = Settings.read()
        return settings.experiment_id, None if settings.experiment_id else settings.experiment_name

    def experiment(self, experiment_id: str | None, experiment_name: str | None) -> Any:
        """The experiment that a command named by id or by name, but not by both."""
        if (experiment_id is None) == (experiment_name is None):
            raise click.UsageError("Give either --experiment-id or --experiment-name.")
        if experiment_id is not None:
            return self.client.get_experiment(experiment_id)
        found = self.client.get_experiment_by_name(str(experiment_name))
        if found is None:
            raise NotFound(f"There is no experiment {experiment_name!r}; `runebook experiments list` shows all.")
        return found


def every_page(search: Any, max_results: int | None, **query: Any) -> list[Any]:
    """What a paged search of the client finds, up to `max_results` (None: all)."""
    found: list[Any] = []
    token: str | None = None
    while True:
        size = PAGE_SIZE if max_results is None else min(PAGE_SIZE, max_results - len(found))
        page = search(**query, max_results=size, page_token=token)
        found.extend(page)
        token = page.token
        if not token or (max_results is not None and len(found) >= max_results):
            return found


def view_of(name: str) -> Any:
    """The view that `--view` names."""
    from runebook.core.experiments import ViewType  # help needs no records, and they are slow to import

    return ViewType(name.upper())
