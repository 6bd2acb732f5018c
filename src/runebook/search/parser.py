"""Text of a filter -> tree. NOT binds tighter than AND, AND tighter than OR.

Parentheses are kept on a list and not on Python's stack, so that no depth of them overflows it.
"""

from __future__ import annotations

from runebook.core.limits import MAX_FILTER_CLAUSES, MAX_FILTER_LENGTH
from runebook.search.clauses import ClauseReader
from runebook.search.complaints import refusal, shortened
from runebook.search.lexer import Token, tokens
from runebook.search.tree import And, Comparison, Node, Not, Or, SameDataset, all_of, any_of
from runebook.search.vocabulary import Noun


def parse_filter(text: str | None, noun: Noun) -> Node | None:
    """The tree of a filter, or None for one that says nothing.

    Raises:
        InvalidParameterValue: the text is no filter; the message shows the character and says what was expected.
    """
    if text is None or not text.strip():
        return None
    if len(text) > MAX_FILTER_LENGTH:
        raise refusal(
            text, MAX_FILTER_LENGTH, f"the filter is longer than {MAX_FILTER_LENGTH} characters; split the search."
        )
    return _Parser(text, noun).run()


class _Open:
    """An open parenthesis, or the filter as a whole: what was read in it so far."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.alternatives: list[Node] = []
        self.chain: list[Node] = []
        self.negations: list[int] = []

    def add(self, node: Node) -> None:
        for _ in self.negations:
            node = Not(node)
        self.negations = []
        self.chain.append(node)

    def end_chain(self) -> None:
        self.alternatives.append(all_of(self.chain))
        self.chain = []

    def closed(self) -> Node:
        self.end_chain()
        return any_of(self.alternatives)


class _Parser:
    def __init__(self, text: str, noun: Noun) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.clauses = ClauseReader(text, self.tokens, noun)
        self.open = [_Open(0)]
        self.depth = 0
        self.count = 0

    def run(self) -> Node:
        at = 0
        while True:
            at = self.operand(at)
            at, more = self.after_operand(at)
            if not more:
                return self.open[0].closed()

    def operand(self, at: int) -> int:
        """Read NOTs and opening parentheses up to and with one comparison."""
        while True:
            token = self.tokens[at]
            if token.word() == "NOT":
                self.open[-1].negations.append(token.start)
                self.deeper(token)
            elif token.text == "(" and token.kind == "mark":
                self.open.append(_Open(token.start))
                self.deeper(token)
            else:
                break
            at += 1
        self.count += 1
        if self.count > MAX_FILTER_CLAUSES:
            raise self.refused(token, f"a filter holds at most {MAX_FILTER_CLAUSES} comparisons; split the search.")
        node, at = self.clauses.read(at)
        self.add(node)
        return at

    def after_operand(self, at: int) -> tuple[int, bool]:
        """Read closing parentheses, then AND, OR or the end."""
        while True:
            token = self.tokens[at]
            if not (token.kind == "mark" and token.text == ")"):
                break
            if len(self.open) == 1:
                raise self.refused(token, "this ) closes nothing. Remove it, or open a ( before it.")
            self.depth -= 1
            group = self.open.pop()
            self.add(_about_one_dataset(group.closed()))
            at += 1
        word = token.word()
        if word == "OR":
            self.open[-1].end_chain()
        elif token.kind == "end":
            if len(self.open) > 1:
                raise refusal(self.text, self.open[-1].at, "this ( is never closed. Add a ) where its group ends.")
            return at, False
        elif word != "AND":
            shown = shortened(self.text[token.start : token.end])
            raise self.refused(
                token, f"expected AND, OR or the end of the filter, found {shown}.{_CONNECTIVE_HINTS.get(word, '')}"
            )
        return at + 1, True

    def add(self, node: Node) -> None:
        self.depth -= len(self.open[-1].negations)
        self.open[-1].add(node)

    def deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_FILTER_CLAUSES:
            raise self.refused(token, f"a filter nests at most {MAX_FILTER_CLAUSES} deep; simplify it.")

    def refused(self, token: Token, message: str) -> Exception:
        return refusal(self.text, token.start, message)


_CONNECTIVE_HINTS = {
    "BETWEEN": " Write key >= a AND key <= b.",
    "ESCAPE": " LIKE has no escape; _ also matches a literal _.",
}


def _about_one_dataset(node: Node) -> Node:
    """What a pair of parentheses means: the dataset clauses that it joins by AND hold of one dataset.

    A group of dataset clauses alone is about one dataset however it is nested. Where other clauses stand beside them,
    those of one AND chain are put together. NOT is a border: what it negates is about the run.
    """
    if isinstance(node, And):
        whole = _dataset_only(node)
        if whole is not None:
            return SameDataset(whole)
        about = [part for part in node.parts if _dataset_only(part) is not None and not isinstance(part, SameDataset)]
        if len(about) < 2:
            return node
        group = SameDataset(all_of(about))
        rest = [group if part is about[0] else part for part in node.parts if part is about[0] or part not in about]
        return all_of(rest)
    if isinstance(node, Or):
        whole = _dataset_only(node)
        if whole is None:
            return any_of([_about_one_dataset(part) for part in node.parts])
        return SameDataset(whole) if _has_and(whole) else node
    return node


def _dataset_only(node: Node) -> Node | None:
    """The node with its groups opened, if it speaks of nothing but datasets; else None."""
    if isinstance(node, Comparison):
        return node if node.key.entity == "dataset" else None
    if isinstance(node, SameDataset):
        return node.part
    if isinstance(node, Not):
        return None
    opened = [_dataset_only(part) for part in node.parts]
    parts = [part for part in opened if part is not None]
    if len(parts) < len(opened):
        return None
    return all_of(parts) if isinstance(node, And) else any_of(parts)


def _has_and(node: Node) -> bool:
    return isinstance(node, And) or (isinstance(node, Or) and any(_has_and(part) for part in node.parts))
