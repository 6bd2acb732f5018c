"""One page of a search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT")


class PagedList(list[ItemT]):
    """A list that knows the token of the page after it; None on the last."""

    def __init__(self, items: Iterable[ItemT], token: str | None) -> None:
        super().__init__(items)
        self.token = token
