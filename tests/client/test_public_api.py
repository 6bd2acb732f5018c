from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.signatures import CLIENT, FLUENT, MODULES, OURS

import runebook as rb
from runebook.client.client import Client


def shown(function: object) -> str:
    """Names, order and defaults, without types."""
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature([parameter for parameter in bare if parameter.name != "self"]))[1:-1]


@pytest.mark.parametrize("name", FLUENT)
def test_a_fluent_function_has_mlflows_signature(name: str) -> None:
    assert shown(getattr(rb, name)) == ", ".join(filter(None, [FLUENT[name], OURS.get(name)]))


@pytest.mark.parametrize("name", CLIENT)
def test_a_method_of_the_client_has_mlflows_signature(name: str) -> None:
    assert shown(getattr(Client, name)) == CLIENT[name]


@pytest.mark.parametrize("name", MODULES)
def test_a_function_of_a_module_has_mlflows_signature(name: str) -> None:
    module, _, function = name.partition(".")

    assert shown(getattr(getattr(rb, module), function)) == MODULES[name]


def test_the_client_takes_mlflows_arguments() -> None:
    assert shown(Client) == "tracking_uri=None, registry_uri=None, workspace=None"


def test_every_public_name_is_found_and_listed() -> None:
    assert [name for name in rb.__all__ if getattr(rb, name, None) is None] == []
    assert dir(rb) == sorted(rb.__all__)


def test_what_type_checkers_see_is_what_is_there() -> None:
    tree = ast.parse(Path(str(rb.__file__)).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert sorted({*seen, "__version__"}) == sorted(rb.__all__)
    for name, (module, real) in seen.items():
        if module != "runebook":
            assert getattr(rb, name) is getattr(sys.modules[module], real)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = rb.no_such_thing


def test_mlflows_names_stand_for_ours() -> None:
    assert rb.MlflowClient is rb.Client
    assert rb.MlflowException is rb.RunebookError
    assert rb.tracking.MlflowClient is rb.Client
    assert rb.exceptions.MlflowException is rb.RunebookError


def test_importing_the_package_imports_nothing_heavy() -> None:
    seen = subprocess.run(
        [sys.executable, "-c", "import sys, runebook; print(*sys.modules)"], capture_output=True, text=True, check=True
    )

    assert not {"msgspec", "sqlite3", "urllib3", "yaml", "click"} & set(seen.stdout.split())


def test_tracking_to_a_file_imports_no_network_and_no_frame() -> None:
    source = "import sys, runebook as rb; rb.set_tracking_uri('memory:'); rb.start_run(); print(*sys.modules)"
    seen = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)

    assert not {"urllib3", "pandas", "numpy", "asyncio", "yaml", "click"} & set(seen.stdout.split())
