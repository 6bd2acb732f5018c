"""Optional packages, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from runebook.core.errors import MissingExtra


def require(package: str, *, extra: str, other_way: str | None = None) -> Any:
    """The package. Raises MissingExtra: it is not installed; the message names the extra that brings it."""
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        instead = f", or use {other_way}" if other_way else ""
        raise MissingExtra(f"This needs {package}: pip install 'runebook[{extra}]'{instead}.") from None
