from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tests.cli.calls import Call

from runebook.cli.main import COMMANDS, EXIT_CODES, cli
from runebook.client.client import Client
from runebook.core.errors import ERRORS_BY_CODE


def runebook(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runebook", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)  # type: ignore[call-overload,no-any-return]  # options of run


def modules_imported_by(*arguments: str) -> set[str]:
    script = f"import sys; sys.argv = {['runebook', *arguments]!r}; from runebook.cli.main import main\n"
    script += "try: main()\nexcept SystemExit: print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["runs", "--help"], ["server", "--help"]])
def test_help_imports_neither_records_nor_http_nor_tables(arguments: list[str]) -> None:
    heavy = {"msgspec", "urllib3", "rich", "yaml", "starlette", "uvicorn", "asyncio", "sqlite3", "sklearn", "numpy"}

    assert modules_imported_by(*arguments) & heavy == set()


def test_the_help_of_the_whole_says_what_each_command_says_of_itself() -> None:
    for name, command in COMMANDS.items():
        loaded: click.Command = getattr(importlib.import_module(command.module), command.attribute)
        if name != "ui":
            assert command.summary.rstrip(".") == loaded.get_short_help_str(limit=200).rstrip("."), name


def test_every_command_and_option_explains_itself() -> None:
    silent = []
    for name in COMMANDS:
        top = cli.get_command(click.Context(cli), name)
        assert top is not None
        for command in top.commands.values() if isinstance(top, click.Group) else [top]:
            silent += [f"{name} {command.name}"] if not command.help else []
            options = [option for option in command.params if isinstance(option, click.Option)]
            silent += [f"{name} {command.name} {option.name}" for option in options if not option.help]

    assert silent == []


def test_every_error_code_has_an_exit_code() -> None:
    assert set(EXIT_CODES) == set(ERRORS_BY_CODE)


def test_the_version_is_printed() -> None:
    done = runebook("--version")

    assert (done.returncode, done.stdout.split()[0]) == (0, "runebook")


def test_an_unknown_command_is_a_usage_error() -> None:
    done = runebook("rusn")

    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'rusn'" in done.stderr


def test_a_usage_error_is_json_when_json_is_asked_for() -> None:
    done = runebook("runs", "describe", "--json")

    assert done.returncode == 2
    assert json.loads(done.stderr) == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "Give one run: RUN_ID, or --run-id RUN_ID.",
    }


@pytest.mark.parametrize(
    ("arguments", "exit_code", "error_code"),
    [
        (["experiments", "get", "-x", "77"], 3, "RESOURCE_DOES_NOT_EXIST"),
        (["experiments", "get", "-n", "nowhere"], 3, "RESOURCE_DOES_NOT_EXIST"),
        (["runs", "describe", "0" * 32], 3, "RESOURCE_DOES_NOT_EXIST"),
        (["runs", "metrics", "0" * 32, "loss"], 3, "RESOURCE_DOES_NOT_EXIST"),
        (["experiments", "create", "-n", "Default"], 4, "RESOURCE_ALREADY_EXISTS"),
        (["experiments", "get", "-x", "first"], 2, "INVALID_PARAMETER_VALUE"),
        (["runs", "search", "--filter", "metrics.loss <"], 2, "INVALID_PARAMETER_VALUE"),
        (["experiments", "search", "--order-by", "nothing"], 2, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_the_exit_code_says_what_kind_of_error_it_was(
    call: Call, arguments: list[str], exit_code: int, error_code: str
) -> None:
    plain, as_json = call(*arguments), call(*arguments, "--json")

    assert (plain.exit_code, plain.stdout) == (exit_code, "")
    assert plain.stderr.startswith("Error: ")
    assert as_json.exit_code == exit_code
    assert json.loads(as_json.stderr)["error_code"] == error_code


def test_a_server_that_is_away_is_unavailable(tmp_path: Path) -> None:
    environment = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "PATH": "/usr/bin:/bin"}

    done = runebook("--tracking-uri", "http://127.0.0.1:9", "experiments", "list", env=environment, cwd=tmp_path)

    assert done.returncode == 6
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough_ends_it_quietly(store: str) -> None:
    client = Client(store)
    for number in range(300):  # more than a pipe holds
        client.create_experiment(f"{number:0>400}")
    command = '"$0" -m runebook --tracking-uri "$1" experiments list | head -c 5; exit "${PIPESTATUS[0]}"'

    done = subprocess.run(["bash", "-c", command, sys.executable, store], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (141, "exper", "")


def test_a_full_disk_is_no_defect(store: str) -> None:
    command = '"$0" -m runebook --tracking-uri "$1" experiments list > /dev/full'

    done = subprocess.run(["bash", "-c", command, sys.executable, store], capture_output=True, text=True, check=False)

    assert done.returncode == 6
    assert done.stderr.startswith("Error: The disk is full")
    assert "Traceback" not in done.stderr


def test_a_command_works_without_an_output(store: str) -> None:
    command = '"$0" -m runebook --tracking-uri "$1" experiments list >&-'

    done = subprocess.run(["bash", "-c", command, sys.executable, store], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
