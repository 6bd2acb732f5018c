"""Write docs/reference/operations.md from the declarations of the operations. `make docs` runs it; a test compares."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

from msgspec import inspect as types

from runebook.api import OPERATIONS
from runebook.api.operation import Operation

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "operations.md"

HEAD = """# Operations

Every operation of a Runebook server, as declared in `src/runebook/api/`. This page is written by `make docs`.
MLflow's operations are served under `/api/` and `/ajax-api/` alike. A server's own description of them, for programs,
is at `/api/runebook/v1/openapi.json`.

GET requests take their fields from the query string (a list field is a repeated parameter), all others from a JSON
body. A field in **bold** is required. Errors have the form `{"error_code": ..., "message": ...}`.
"""


def render() -> str:
    """The page, by noun, in the order of declaration."""
    nouns: dict[str, list[type[Operation]]] = {}
    for operation in OPERATIONS.values():
        nouns.setdefault(operation.spec.noun, []).append(operation)
    parts = [HEAD]
    for noun in sorted(nouns):
        parts.append(f"\n## {noun.replace('_', ' ').capitalize()}\n")
        parts.extend(_operation(operation) for operation in nouns[noun])
    return "".join(parts)


def _operation(operation: type[Operation]) -> str:
    spec = operation.spec
    needs = spec.needs.level.value.replace("_", " ") + (f" on `{spec.needs.field}`" if spec.needs.field else "")
    lines = [
        f"\n### {spec.name}\n\n{inspect.getdoc(operation)}\n",
        f"\n`{' or '.join(spec.verbs)} {spec.routes[0]}` (needs: {needs})\n",
    ]
    fields = _fields(operation)
    if fields:
        lines.append("\n| field | type |\n|---|---|\n")
        lines.extend(f"| {'**' + name + '**' if required else name} | {kind} |\n" for name, kind, required in fields)
    reply = ", ".join(f"`{name}` ({kind})" for name, kind, _ in _fields(operation.Reply))
    lines.append(f"\nReply: {reply or 'empty'}\n")
    return "".join(lines)


def _fields(struct: type[Any]) -> list[tuple[str, str, bool]]:
    described = types.type_info(struct)
    if not isinstance(described, types.StructType):
        raise TypeError(f"{struct} is no struct")
    return [(field.name, _type(field.type), field.required) for field in described.fields]


def _type(kind: types.Type) -> str:
    if isinstance(kind, types.Metadata):
        return _type(kind.type)
    if isinstance(kind, types.UnionType):
        return " or ".join(_type(item) for item in kind.types if not isinstance(item, types.NoneType))
    if isinstance(kind, types.ListType):
        return f"list of {_type(kind.item_type)}"
    if isinstance(kind, types.DictType):
        return f"map of {_type(kind.value_type)}"
    if isinstance(kind, types.StructType):
        return kind.cls.__name__
    if isinstance(kind, types.EnumType):
        return " / ".join(str(member.value) for member in kind.cls)
    plain: dict[type[types.Type], str] = {
        types.StrType: "text",
        types.IntType: "integer",
        types.FloatType: 'number, "NaN", "Infinity" or "-Infinity"',
        types.BoolType: "boolean",
    }
    return plain[type(kind)]


def main() -> None:
    """Write the page, or with `--check` fail when it is not up to date."""
    page = render()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != page:
            sys.exit(f"{TARGET.name} is not up to date: run `make docs` and commit it.")
        return
    TARGET.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
