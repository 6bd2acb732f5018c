"""Which key a dotted name means, in filters and in order_by."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from runebook.search.complaints import did_you_mean, one_of, shortened
from runebook.search.lexer import Part, Token
from runebook.search.tree import Aggregate, Entity, Key
from runebook.search.vocabulary import DATASET_KEYS, Noun

Refuse = Callable[[int, str], Exception]
"""Makes the error that points at a character."""


def read_key(token: Token, noun: Noun, aliases: dict[str, str], refuse: Refuse) -> Key:
    """The key that a path (or a quoted attribute) names.

    Raises:
        InvalidParameterValue: there is no such entity or attribute.
    """
    parts = token.parts
    if len(parts) == 1:
        return _attribute_key(parts[0].text, token, noun, aliases, refuse)
    entity = noun.entities.get(parts[0].text)
    if entity is None:
        raise refuse(token.start, _no_such_entity(parts[0].text, noun))
    rest = parts[1:]
    if entity == "metric":
        return _metric_key(rest, token, noun, refuse)
    name = _whole_name(rest, token, refuse)
    if entity == "attribute":
        return _attribute_key(name, token, noun, aliases, refuse)
    if entity == "dataset" and name not in DATASET_KEYS:
        hint = did_you_mean(name, list(DATASET_KEYS))
        raise refuse(token.start, f"a dataset has no {shortened(name)}; it has {one_of(list(DATASET_KEYS))}.{hint}")
    return Key(entity, name)


def entity_names(noun: Noun) -> list[str]:
    """The entities of the noun, each under its plural name."""
    seen: list[Entity] = []
    for entity in noun.entities.values():
        if entity not in seen:
            seen.append(entity)
    return [f"{entity}s" for entity in seen]


def _attribute_key(name: str, token: Token, noun: Noun, aliases: dict[str, str], refuse: Refuse) -> Key:
    known = aliases.get(name, name)
    if known in noun.attributes:
        return Key("attribute", known)
    shown = shortened(name)
    message = f"{noun.name} have no attribute {shown}. They have {one_of(list(noun.attributes))}."
    message += did_you_mean(name, list(noun.attributes))
    others = [entity for entity in entity_names(noun) if entity not in ("attributes", "datasets")]
    if others and len(token.parts) == 1 and token.kind == "path":
        message += f" Name the entity of anything else, as in {one_of([f'{entity}.{shown}' for entity in others])}."
    raise refuse(token.start, message)


def _metric_key(parts: tuple[Part, ...], token: Token, noun: Noun, refuse: Refuse) -> Key:
    """`loss`, `loss.min`, `"loss".min`, `"loss.min"`."""
    last = parts[-1]
    is_aggregate = len(parts) > 1 and not last.quoted and last.text in noun.aggregates
    if not is_aggregate:
        return Key("metric", _whole_name(parts, token, refuse))
    name = _whole_name(parts[:-1], token, refuse)
    literal = None if parts[0].quoted else f"{name}.{last.text}"
    return Key("metric", name, cast("Aggregate", last.text), literal)


def _whole_name(parts: tuple[Part, ...], token: Token, refuse: Refuse) -> str:
    if len(parts) > 1 and any(part.quoted for part in parts):
        raise refuse(token.start, "a key is quoted as a whole, as in tags.`my key`, or not at all.")
    return ".".join(part.text for part in parts)


def _no_such_entity(name: str, noun: Noun) -> str:
    shown = shortened(name)
    names = entity_names(noun)
    message = f"{noun.name} have no entity {shown}; a key begins with {one_of(names)}."
    if name.lower() in noun.entities:
        return f"{message} Entities are written in lower case: {name.lower()}."
    return message + did_you_mean(name, names)
