"""The shape that the code keeps: sizes, names, and that nothing is hidden from the checks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runebook.api import OPERATIONS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "runebook"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
NOUNS = {operation.spec.noun for operation in OPERATIONS.values()}
LAYERS = [
    "core",
    "api",
    "services",
    "storage/sql",
    "storage/files",
    "client/methods",
    "client/fluent",
    "cli",
    "testing",
]

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
SHAPELESS_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "misc", "shared", "stuff"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_file_is_short_enough_to_be_read_at_once() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES + TESTS}

    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_a_function_fits_on_a_screen() -> None:
    lengths = {
        f"{name_of(path)}:{function.lineno} {function.name}": code_lines(function)
        for path in MODULES
        for function in functions(path)
    }

    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body; its docstring, and a signature spread over many lines, cost nothing."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_a_module_is_named_by_what_it_holds() -> None:
    names = [str(path.relative_to(ROOT).with_suffix("")) for path in MODULES + TESTS]

    assert [name for name in names if set(re.split(r"[_./]", name)) & SHAPELESS_NAMES] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_one_noun_has_one_file_name_in_every_layer(layer: str) -> None:
    """No `run.py` or `runs_store.py` beside `api/runs.py`."""
    others = {noun.removesuffix("s") for noun in NOUNS} | {
        f"{noun}_{word}" for noun in NOUNS for word in ("store", "service", "api", "routes", "client", "commands")
    }
    found = {path.stem for path in (PACKAGE / layer).glob("*.py")}

    assert found & (others - NOUNS) == set()


@pytest.mark.parametrize("noun", sorted(NOUNS))
def test_a_noun_with_operations_has_a_service_of_the_same_name(noun: str) -> None:
    assert (PACKAGE / "services" / f"{noun}.py").is_file()


def test_no_module_imports_the_package_as_a_whole() -> None:
    importers = [
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and "runebook" in {alias.name for alias in node.names}
    ]

    assert importers == []


def test_no_test_is_switched_off() -> None:
    switch = re.compile(r"pytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b|unittest\.mock")
    others = [path for path in TESTS if path != Path(__file__).resolve()]

    assert [name_of(path) for path in others if switch.search(path.read_text(encoding="utf-8"))] == []


def test_lock_files_hold_versions_and_hashes_and_no_addresses() -> None:
    lock_files = sorted((ROOT / "requirements").glob("*.txt"))
    assert lock_files

    for lock_file in lock_files:
        text = lock_file.read_text(encoding="utf-8")
        pinned = re.findall(r"(?m)^([a-z0-9][\w.-]*)==", text)

        assert pinned, lock_file
        assert "://" not in text, lock_file
        assert "nvidia" not in text, lock_file
        assert text.count("--hash=sha256:") >= len(pinned), lock_file
