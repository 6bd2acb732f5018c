"""What drivers want to be told, and what they say, where it is the same for several of them."""

from __future__ import annotations

import re
from functools import lru_cache

from runebook.core.errors import InvalidParameterValue, RunebookError

_NAMED = re.compile(r"'[^']*'|(?<![:\w]):([a-z_]\w*)")


@lru_cache(maxsize=2048)
def with_percent_names(sql: str) -> str:
    """`:name` as `%(name)s`, outside of string literals."""
    return _NAMED.sub(lambda found: f"%({found[1]})s" if found[1] else found[0], sql.replace("%", "%%"))


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def value_error(error: Exception, *, too_large: bool) -> RunebookError | None:
    """Values that a client may send and no database holds: lone surrogates, NUL where it is refused, too large ones."""
    if too_large:
        return InvalidParameterValue(f"A value is too large for the store: {one_line(error)}")
    if isinstance(error, UnicodeEncodeError):
        return InvalidParameterValue(f"Text that is not valid Unicode cannot be stored: {error.reason}.")
    if "NUL" in str(error) or "0x00" in str(error) or "\\u0000" in str(error):
        return InvalidParameterValue("Text with a NUL character cannot be stored.")
    return None
