"""The field of an order that is given as an object and not as text, as logged models have it."""

from __future__ import annotations

import re
from typing import cast

from runebook.core.errors import InvalidParameterValue
from runebook.search.complaints import shortened
from runebook.search.order_by import parse_order_by
from runebook.search.tree import Aggregate, Key
from runebook.search.vocabulary import Noun

_ATTRIBUTE = re.compile(r"[\w.]+")


def field_key(field_name: str, noun: Noun) -> Key:
    """The key of `metrics.NAME`, whose name is taken as it is, or of an attribute.

    Raises:
        InvalidParameterValue: there is no such field.
    """
    entity, _, name = field_name.partition(".")
    if entity == "metrics" and name:
        base, _, aggregate = name.rpartition(".")
        if base and aggregate in noun.aggregates:
            return Key("metric", base, cast("Aggregate", aggregate), name)
        return Key("metric", name)
    if _ATTRIBUTE.fullmatch(field_name) is None:
        raise InvalidParameterValue(
            f"Invalid order_by: {shortened(field_name)} is no field. Order by an attribute or by metrics.NAME."
        )
    return parse_order_by([field_name], noun)[0].key
