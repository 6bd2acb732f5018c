from __future__ import annotations

import json
import sys

import pytest

from runebook.cli.output import cell_text, print_json, print_table


def test_numbers_that_are_not_finite_are_texts_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), (-float("inf"),)], "c": 0.1})

    assert json.loads(capsys.readouterr().out) == {"a": "NaN", "b": ["Infinity", ["-Infinity"]], "c": 0.1}


def test_a_cell_is_one_line_that_cannot_steer_a_terminal() -> None:
    assert cell_text("a\tb\nc\x1b[31mred") == r"a\tb\nc\x1b[31mred"
    assert cell_text(None) == ""
    assert cell_text("Größe 尺") == "Größe 尺"


def test_a_table_in_a_pipe_is_separated_by_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name", "value"], [["a", 0.123456789], ["[bold]b", None]])

    assert capsys.readouterr().out == "name\tvalue\na\t0.123457\n[bold]b\t\n"


def test_a_table_on_a_terminal_is_drawn_and_shows_brackets_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")

    print_table(["name", "value"], [["[bold]b", 1], ["x" * 60, 2]])

    shown = capsys.readouterr().out
    assert "[bold]b" in shown
    assert shown.count("x") == 60
    assert "\t" not in shown
