"""What all searches check before a store sees them."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.core import checks, limits


def check_search(
    max_results: int, filter_text: str | None, order_by: Sequence[object], *, at_most: int = limits.MAX_SEARCH_RESULTS
) -> None:
    """Raises InvalidParameterValue for a page, filter or order beyond the limits."""
    checks.check_count(max_results, "max_results", at_most=at_most)
    if filter_text is not None:
        checks.check_text(filter_text, "filter", max_length=limits.MAX_FILTER_LENGTH)
    checks.check_list_length(order_by, "order_by", at_most=limits.MAX_ORDER_BY)
    for number, key in enumerate(order_by):
        if isinstance(key, str):
            checks.check_text(key, f"order_by[{number}]", max_length=limits.MAX_FILTER_LENGTH)
