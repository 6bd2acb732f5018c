r"""Text of a filter or an order_by, cut into tokens.

Strings stand in single or double quotes. A quote is written into them doubled (`'it''s'`) or after a backslash
(`'it\'s'`). Other backslashes are plain characters, as in MLflow, so `'C:\dir'` is what it looks like; only a run of
backslashes right before a quote counts in pairs, so that `'C:\\'` can end with one.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from runebook.search.complaints import refusal, shortened

TokenKind = Literal["path", "string", "number", "mark", "end"]

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"\w[\w\-/:@]*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MARK = re.compile(r"<=|>=|!=|<>|==|[=<>(),]")
_QUOTES = "'\"`"
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that some databases refuse in a text."""


class Part(msgspec.Struct, frozen=True):
    """One step of a dotted key."""

    text: str
    quoted: bool


class Token(msgspec.Struct, frozen=True):
    """A piece of the text with its place.

    Words are paths of one unquoted part. A string that stands where a key is expected is a path of one quoted part.
    """

    kind: TokenKind
    start: int
    end: int
    text: str = ""
    parts: tuple[Part, ...] = ()

    def word(self) -> str:
        """The word in upper case, or nothing when this is no bare word."""
        return self.parts[0].text.upper() if self.kind == "path" and self._is_bare() else ""

    def _is_bare(self) -> bool:
        return len(self.parts) == 1 and not self.parts[0].quoted


def tokens(text: str, *, what: str = "filter") -> list[Token]:
    """All tokens of the text, the last of kind "end".

    Raises:
        InvalidParameterValue: a character that begins no token, or a string without an end.

    """
    return _Lexer(text, what).run()


class _Lexer:
    def __init__(self, text: str, what: str) -> None:
        self.text = text
        self.what = what

    def run(self) -> list[Token]:
        unstorable = UNSTORABLE.search(self.text)
        if unstorable:
            raise self.refused(unstorable.start(), "the text holds a character that nothing stored can contain.")
        found: list[Token] = []
        at = 0
        while True:
            space = _SPACE.match(self.text, at)
            at = space.end() if space else at
            if at == len(self.text):
                found.append(Token("end", at, at))
                return found
            found.append(self.token(at))
            at = found[-1].end

    def token(self, at: int) -> Token:
        char = self.text[at]
        if char in _QUOTES or char == "_" or char.isalpha():
            return self.path(at)
        number = _NUMBER.match(self.text, at)
        if number:
            return self.number(at, number.end())
        mark = _MARK.match(self.text, at)
        if mark:
            return Token("mark", at, mark.end(), mark.group())
        word = _WORD.match(self.text, at)
        if word:
            return self.path(at)
        raise self.refused(at, f"unexpected character {shortened(char)!r}.{_CHARACTER_HINTS.get(char, '')}")

    def number(self, at: int, end: int) -> Token:
        if end < len(self.text) and (_WORD.match(self.text, end) or self.text[end] == "."):
            raise self.refused(
                end, "a number ends here, but more follows. Put a space after the number, or quotes around text."
            )
        return Token("number", at, end, self.text[at:end])

    def path(self, start: int) -> Token:
        """A dotted key, or a string when it is one quoted part."""
        parts: list[Part] = []
        at = start
        while True:
            part, at = self.part(at)
            parts.append(part)
            if not self.text.startswith(".", at):
                break
            at += 1
        if len(parts) == 1 and parts[0].quoted and self.text[start] != "`":
            return Token("string", start, at, parts[0].text, tuple(parts))
        return Token("path", start, at, self.text[start:at], tuple(parts))

    def part(self, at: int) -> tuple[Part, int]:
        quote = self.text[at : at + 1]
        if quote and quote in _QUOTES:
            value, end = self.quoted(at, quote)
            if not self.text.startswith((".", *_QUOTES), end) or self.text.startswith(".", end):
                return Part(value, quoted=True), end
            raise self.refused(end, "a quoted text ends here, but another begins. Is an operator or AND missing?")
        word = _WORD.match(self.text, at)
        if word is None:
            raise self.refused(at, "expected a key after the dot. Put back-ticks around a key with other characters.")
        return Part(word.group(), quoted=False), word.end()

    def quoted(self, start: int, quote: str) -> tuple[str, int]:
        """The value of the quoted text at `start`, and where it ends.

        A text that would never end because its last quote stands after a backslash ends there, as in MLflow.
        """
        value: list[str] = []
        at = start + 1
        fallback: tuple[int, int] | None = None
        while True:
            end = self.text.find(quote, at)
            if end < 0:
                if fallback is None:
                    raise self.refused(start, f"the text that begins here has no closing {quote}.")
                kept, end = fallback
                return "".join(value[:kept]) + "\\", end + 1
            run = self.text[at:end]
            slashes = 0 if quote == "`" else len(run) - len(run.rstrip("\\"))
            value.append(run[: len(run) - slashes] + "\\" * (slashes // 2))
            if slashes % 2:
                fallback = (len(value), end)
            elif self.text.startswith(quote, end + 1):
                end += 1
            else:
                return "".join(value), end + 1
            value.append(quote)
            at = end + 1

    def refused(self, at: int, message: str) -> Exception:
        return refusal(self.text, at, message, what=self.what)


_CHARACTER_HINTS = {
    "&": " Join clauses with AND.",
    "|": " Join clauses with OR.",
    "!": " Negate a clause with NOT, or compare with !=.",
    ";": " A filter is one expression; join clauses with AND or OR.",
    "*": " LIKE takes % for any characters; there is no arithmetic.",
    ".": " A key begins with its entity, as in metrics.loss.",
    "[": " A list stands in round brackets, as in IN ('a', 'b').",
    "{": " A list stands in round brackets, as in IN ('a', 'b').",
    "\\": " Only texts in quotes contain backslashes.",
}
