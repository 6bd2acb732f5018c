"""One clause of a filter: key, operator and value, checked against the vocabulary of the noun."""

from __future__ import annotations

from typing import cast

from runebook.search.complaints import one_of, refusal, shortened
from runebook.search.keys import read_key
from runebook.search.lexer import Token
from runebook.search.literals import integer, number
from runebook.search.patterns import MAX_PATTERN_LENGTH
from runebook.search.tree import Comparison, Key, Node, Not, Operator
from runebook.search.vocabulary import Attribute, Noun

_NULL_TESTS = ("IS NULL", "IS NOT NULL")
_LIKES = ("LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE")
_LISTS = ("IN", "NOT IN")
_EQUALS = ("=", "!=")
_SIZES = ("<", "<=", ">", ">=")
_TEXTUAL = (*_EQUALS, *_LIKES, *_LISTS, *_NULL_TESTS)
_NUMERIC = (*_EQUALS, *_SIZES, *_LISTS, *_NULL_TESTS)
_ALL = (*_EQUALS, *_SIZES, *_LIKES, *_LISTS, *_NULL_TESTS)

_MAX_LISTED = 2000
"""Values in all lists of a filter together: databases bound the parameters of a statement."""

_MARK_HINTS = {
    "==": " Equality is written with one =.",
    "<>": " Inequality is written !=.",
}
_WORD_HINTS = {
    "BETWEEN": " Write key >= a AND key <= b.",
    "RLIKE": " Write LIKE with % and _.",
    "REGEXP": " Write LIKE with % and _.",
    "CONTAINS": " Write LIKE '%text%'.",
}


class ClauseReader:
    """Reads clauses from the tokens of one filter."""

    def __init__(self, text: str, tokens: list[Token], noun: Noun) -> None:
        self.text = text
        self.tokens = tokens
        self.noun = noun
        self.listed = 0

    def read(self, at: int) -> tuple[Node, int]:
        """The clause that begins at a token, and the token after it."""
        key = self.key(at)
        operator, at = self.operator(key, at + 1)
        if operator in _NULL_TESTS:
            return Comparison(key, operator), at
        if operator in _LISTS:
            values, at = self.list_of_values(key, operator, at)
            return Comparison(key, operator, values), at
        value = self.value(key, operator, self.tokens[at])
        if operator == "!=" and key.entity == "tag" and key.name in self.noun.lenient_tags:
            return Not(Comparison(key, "=", value)), at + 1
        return Comparison(key, operator, value), at + 1

    def key(self, at: int) -> Key:
        token = self.tokens[at]
        if token.kind in ("path", "string") and token.word() not in ("AND", "OR"):
            return read_key(token, self.noun, self.noun.aliases, self.refused)
        if token.kind == "number":
            raise self.refused(token.start, "expected a key, found a number. The key stands first, as in key > 0.5.")
        example = "metrics.loss" if "metrics" in self.noun.entities else "tags.team"
        raise self.refused(token.start, f"expected a key such as {example}, found {self.shown(token)}.")

    def operator(self, key: Key, at: int) -> tuple[Operator, int]:
        """The operator at a token, and the token after it."""
        token = self.tokens[at]
        words = [self.tokens[min(at + ahead, len(self.tokens) - 1)].word() for ahead in range(3)]
        allowed = _operators(key, self.attribute(key), self.noun)
        if words[0] == "IS" and words[1] == "NOT" and words[2] == "NULL":
            found, length = "IS NOT NULL", 3
        elif words[0] == "IS" or (words[0] == "NOT" and words[1]):
            found, length = f"{words[0]} {words[1]}", 2
        else:
            found, length = token.text if token.kind == "mark" else words[0], 1
        if found in allowed:
            return cast("Operator", found), at + length
        hint = _MARK_HINTS.get(found, "") or _WORD_HINTS.get(found, "")
        known = found in _ALL
        told = f"{_kind_of(key)} cannot be compared by {found}" if known else f"found {self.shown(token)}"
        raise self.refused(
            token.start,
            f"expected an operator after {self.name_of(key)}, {told}. It takes {one_of(list(allowed))}.{hint}",
        )

    def list_of_values(self, key: Key, operator: Operator, at: int) -> tuple[tuple[str, ...] | tuple[float, ...], int]:
        """The values of IN and NOT IN, and the token after the closing bracket."""
        opening = self.tokens[at]
        if opening.text != "(" or opening.kind != "mark":
            raise self.refused(
                opening.start, f"expected a list such as ('a', 'b') after {operator}, found {self.shown(opening)}."
            )
        at += 1
        values: list[str | int | float] = []
        while not self.is_mark(at, ")"):
            token = self.tokens[at]
            value = self.value(key, operator, token)
            if values and isinstance(value, str) != isinstance(values[0], str):
                raise self.refused(token.start, "a list holds either texts in quotes or numbers, not both.")
            values.append(value)
            self.listed += 1
            if self.listed > _MAX_LISTED:
                raise self.refused(
                    token.start, f"the lists of a filter hold at most {_MAX_LISTED} values; split the search."
                )
            at += 1
            if self.is_mark(at, ","):
                at += 1
            elif not self.is_mark(at, ")"):
                raise self.refused(
                    self.tokens[at].start, f"expected , or ) in the list, found {self.shown(self.tokens[at])}."
                )
        if not values:
            raise self.refused(self.tokens[at].start, f"the list after {operator} is empty. Put a value into it.")
        return cast("tuple[str, ...] | tuple[float, ...]", tuple(values)), at + 1

    def value(self, key: Key, operator: Operator, token: Token) -> str | int | float:
        """One value, of the type that the key and the operator ask for."""
        if token.kind not in ("string", "number"):
            wanted = self.wanted(key, operator)
            hint = _value_hint(token, wanted)
            raise self.refused(token.start, f"expected {wanted}, found {self.shown(token)}.{hint}")
        attribute = self.attribute(key)
        if operator in _LIKES:
            return self.text_value(key, operator, token, MAX_PATTERN_LENGTH)
        if attribute is not None and attribute.kind in ("integer", "identifier"):
            whole = integer(token)
            if whole is None:
                raise self.refused(token.start, f"{self.name_of(key)} is an integer; {self.shown(token)} is none.")
            return whole
        if key.entity == "metric" or (key.entity in ("param", "tag") and operator in _SIZES):
            if token.kind == "string":
                raise self.refused(
                    token.start,
                    f"expected {self.wanted(key, operator)}, found a text. Write the number without quotes.",
                )
            return number(token)
        if key.entity in ("param", "tag") and token.kind == "number" and self.noun.numeric_tags:
            return number(token)
        return self.text_value(key, operator, token)

    def text_value(self, key: Key, operator: Operator, token: Token, longest: int | None = None) -> str:
        if token.kind == "number":
            raise self.refused(
                token.start,
                f"expected {self.wanted(key, operator)}, found a number. Put quotes around it: '{token.text}'.",
            )
        text = token.parts[0].text
        if longest is not None and len(text) > longest:
            raise self.refused(token.start, f"a pattern of {operator} has at most {longest} characters.")
        attribute = self.attribute(key)
        if attribute is not None and attribute.closed and operator not in _LIKES and text not in attribute.choices:
            choices = one_of(list(attribute.choices))
            raise self.refused(token.start, f"{self.name_of(key)} is {choices}, never {shortened(text)!r}.")
        return text

    def wanted(self, key: Key, operator: Operator) -> str:
        """What a value must be, for the sentence that says that it is not."""
        attribute = self.attribute(key)
        name = self.name_of(key)
        if operator in _LIKES:
            return f"a pattern in quotes after {name} {operator}"
        if key.entity == "metric" or (key.entity in ("param", "tag") and operator in _SIZES):
            return f"a number after {name} {operator}"
        if attribute is not None and attribute.kind in ("integer", "identifier"):
            return f"an integer after {name} {operator}"
        if key.entity in ("param", "tag") and self.noun.numeric_tags:
            return f"a text in quotes or a number after {name} {operator}"
        return f"a text in quotes after {name} {operator}"

    def attribute(self, key: Key) -> Attribute | None:
        return self.noun.attributes[key.name] if key.entity == "attribute" else None

    def name_of(self, key: Key) -> str:
        name = shortened(key.name if key.aggregate is None else f"{key.name}.{key.aggregate}")
        return name if key.entity == "attribute" else f"{key.entity}s.{name}"

    def is_mark(self, at: int, text: str) -> bool:
        return self.tokens[at].kind == "mark" and self.tokens[at].text == text

    def shown(self, token: Token) -> str:
        return "the end" if token.kind == "end" else shortened(self.text[token.start : token.end])

    def refused(self, at: int, message: str) -> Exception:
        return refusal(self.text, at, message)


def _operators(key: Key, attribute: Attribute | None, noun: Noun) -> tuple[str, ...]:
    if key.entity in ("param", "tag"):
        return _ALL if noun.numeric_tags else _TEXTUAL
    if key.entity == "metric":
        return _NUMERIC
    if attribute is not None and attribute.kind == "integer":
        return _NUMERIC
    if attribute is not None and attribute.kind == "identifier":
        return _ALL
    return _TEXTUAL


def _kind_of(key: Key) -> str:
    return {"attribute": "it", "metric": "a metric", "dataset": "a dataset"}.get(key.entity, f"a {key.entity}")


def _value_hint(token: Token, wanted: str) -> str:
    if token.word() in ("NULL", "NONE"):
        return " Ask for a missing value with IS NULL."
    if token.kind == "path" and token.parts[0].quoted:
        return " Back-ticks go around keys; put a text in single or double quotes."
    if token.kind == "path" and "quotes" in wanted:
        return " Put quotes around text."
    return ""
