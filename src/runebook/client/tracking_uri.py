"""Which store this process tracks to."""

from __future__ import annotations

import os
from pathlib import Path

from runebook.client.uris import absolute, default_uri
from runebook.config import Settings

VARIABLE = "RUNEBOOK_TRACKING_URI"

_chosen: str | None = None


def set_tracking_uri(uri: str | Path) -> None:
    """Track there from now on, child processes included; an empty text takes the choice back.

    Runs that are active stay where they are.
    """
    global _chosen  # one choice per process, as in MLflow
    if not os.fspath(uri):
        _chosen = None
        os.environ.pop(VARIABLE, None)
        return
    _chosen = os.environ[VARIABLE] = absolute(uri)


def get_tracking_uri() -> str:
    """What was set, else RUNEBOOK_TRACKING_URI or MLFLOW_TRACKING_URI, else `runebook.db` in the working directory."""
    return _chosen or uri_of(Settings.read())


def uri_of(settings: Settings) -> str:
    """As `get_tracking_uri`, of settings that were read already."""
    if _chosen:
        return _chosen
    return absolute(settings.tracking_uri) if settings.tracking_uri else default_uri()


def is_tracking_uri_set() -> bool:
    """Whether anything but the default is in force."""
    return bool(_chosen or Settings.read().tracking_uri)
