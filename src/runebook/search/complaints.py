"""What the user is told about a filter or an order_by that cannot be read."""

from __future__ import annotations

from runebook.core.errors import InvalidParameterValue

_WINDOW = 70


def refusal(text: str, at: int, message: str, *, what: str = "filter") -> InvalidParameterValue:
    """The error for `text`, pointing at its character `at` (counted from 0; the message counts from 1).

    Long texts are cut around the place. The caret stands under the character in a fixed-width font.
    """
    at = min(at, len(text))
    start, end = max(0, at - _WINDOW), min(len(text), at + _WINDOW)
    before = ("..." if start else "") + _on_one_line(text[start:at])
    after = _on_one_line(text[at:end]) + ("..." if end < len(text) else "")
    return InvalidParameterValue(
        f"Invalid {what}, at character {at + 1}: {message}\n  {before}{after}\n  {' ' * len(before)}^"
    )


def _on_one_line(text: str) -> str:
    return "".join(
        " " if char.isspace() else char if char.isprintable() and not "\ud800" <= char <= "\udfff" else "?"
        for char in text
    )


def shortened(text: str, length: int = 60) -> str:
    """A piece of the user's text that is fit to be quoted in a sentence."""
    shown = _on_one_line(text[: length + 1])
    return shown if len(text) <= length else shown[:length] + "..."


def one_of(names: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def did_you_mean(name: str, known: list[str]) -> str:
    """A sentence that offers the nearest known name, or nothing."""
    import difflib  # only when something went wrong

    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else ""
