"""Errors that Runebook words otherwise than MLflow, over MLflow's clients.

The same class, status and code, and a reason for each group.
"""

from __future__ import annotations

from .comparison import Deviation, worded

_GROUPS: dict[str, tuple[str, ...]] = {
    "A search error points at the character and says what would stand there.": (
        "models by param",
        "models with bad comparator",
        "models with bad syntax",
        "runs by dataset",
        "runs by empty",
        "runs by nulls first",
        "runs by two directions",
        "runs by unknown",
        "runs with double equals",
        "runs with metric like",
        "runs with metric text",
        "runs with missing value",
        "runs with param unquoted",
        "runs with reversed",
        "runs with semicolon",
        "runs with unclosed",
        "runs with unknown entity",
        "runs with upper entity",
        "search bad comparator",
        "search bad syntax",
        "search bad value",
        "search by a bad direction",
        "search by a bad key",
        "search dataset bad comparator",
        "search dataset bad key",
        "search unquoted value",
    ),
    "One sentence for every field: its path in the request, its value, what is allowed.": (
        "batch bad metric key",
        "create bad tag key",
        "create too long name",
        "inputs of a long digest",
        "inputs of a long name",
        "inputs of a long tag",
        "metric before the epoch",
        "metric of a bad key",
        "metric of a long key",
        "metric of an odd key",
        "model of a bad name",
        "param of bad key",
        "param of long key",
        "param of odd key",
        "runs max negative",
        "runs max none",
        "runs max too many",
        "search negative",
        "search none",
        "search too many",
        "set tag of bad key",
        "set tag of long key",
        "tag of bad key",
        "tag of long key",
    ),
    "Says which path, and what a path must be.": (
        "list hostile %2e%2e/a",
        "list hostile ..",
        "list hostile /etc",
        "list hostile a/../..",
        "list hostile tree/../../x",
        "model artifacts hostile",
        "download hostile",
    ),
    "Says what is the matter, or what to do next, in other words.": (
        "batch changed param",
        "batch doubled param",
        "create bad location",
        "create name of deleted",
        "create taken name",
        "delete again",
        "models page of another search",
        "restore active",
        "run of both names",
        "runs bad token",
        "search bad token",
    ),
}

CLIENT_WORDINGS: dict[str, Deviation] = {
    question: worded(reason) for reason, questions in _GROUPS.items() for question in questions
}
