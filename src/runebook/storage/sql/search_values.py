"""Comparisons of one column with the values of a filter. Each is SQL that is true, false, or NULL for a NULL column."""

from __future__ import annotations

import math
from collections.abc import Callable

from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.search.patterns import ascii_lower, ilike, like
from runebook.search.tree import Comparison
from runebook.storage.sql.dialects import Dialect

TRUE, FALSE = "1 = 1", "1 = 0"
_SQL_OPERATORS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Parameters:
    """The named parameters of one statement, numbered as they are added."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def add(self, value: object) -> str:
        name = f"p{len(self.values) + 1}"
        self.values[name] = value
        return f":{name}"

    def several(self, values: tuple[object, ...] | list[object]) -> str:
        return ", ".join([self.add(value) for value in values])


def text_condition(
    dialect: Dialect, parameters: Parameters, column: str, comparison: Comparison, *, indexed: bool = False
) -> str:
    """A text column; an `indexed` one is long, and only its start is in the index."""
    operator, value = comparison.operator, comparison.value
    if operator.endswith("LIKE"):
        return _like(dialect, parameters, column, comparison)
    if isinstance(value, tuple):
        marks = [parameters.add(item) for item in value]
        listed = f"{column} IN ({', '.join(marks)})"
        if operator == "NOT IN":
            return f"NOT ({listed})"
        starts = ", ".join([dialect.text_start(mark) for mark in marks])
        return f"{dialect.text_start(column)} IN ({starts}) AND {listed}" if indexed else listed
    mark = parameters.add(value)
    if operator == "!=":
        return f"{column} <> {mark}"
    exact = f"{column} = {mark}"
    return f"{dialect.text_start(column)} = {dialect.text_start(mark)} AND {exact}" if indexed else exact


def _like(dialect: Dialect, parameters: Parameters, text: str, comparison: Comparison) -> str:
    pattern = str(comparison.value)
    if dialect.name == "mysql":
        pattern = pattern.replace("\\", "\\\\")  # MariaDB takes ESCAPE '' for a backslash
    if comparison.operator.endswith("ILIKE"):
        condition = dialect.ilike(text, parameters.add(ascii_lower(pattern)))
    else:
        condition = dialect.like(text, parameters.add(pattern))
    return f"NOT ({condition})" if comparison.operator.startswith("NOT") else condition


def digits_condition(dialect: Dialect, parameters: Parameters, column: str, comparison: Comparison) -> str:
    """An integer column matched by LIKE as its decimal text."""
    text_type = {"mysql": "CHAR", "mssql": "NVARCHAR(20)"}.get(dialect.name, "TEXT")
    return _like(dialect, parameters, f"CAST({column} AS {text_type})", comparison)


def word_condition(column: str, words: dict[int, str], comparison: Comparison) -> str:
    """A column of numbers that stand for words."""
    found = [number for number, word in words.items() if _word_matches(word, comparison)]
    return f"{column} IN ({', '.join([str(number) for number in found])})" if found else FALSE


def _word_matches(word: str, comparison: Comparison) -> bool:
    operator, value = comparison.operator, comparison.value
    if isinstance(value, tuple):
        return (word in value) is (operator == "IN")
    if operator.endswith("LIKE"):
        test: Callable[[str, str], bool] = ilike if operator.endswith("ILIKE") else like
        return test(word, str(value)) is not operator.startswith("NOT")
    return (word == value) is (operator == "=")


def integer_condition(parameters: Parameters, column: str, comparison: Comparison) -> str:
    """An integer column and integers or decimals of any size."""
    operator, value = comparison.operator, comparison.value
    if isinstance(value, tuple):
        whole: list[object] = [item for item in value if isinstance(item, int) and MIN_INT64 <= item <= MAX_INT64]
        if not whole:
            return _present(column) if operator == "NOT IN" else FALSE
        return f"{column} {operator} ({parameters.several(whole)})"
    assert isinstance(value, (int, float))
    if value > MAX_INT64 or value < MIN_INT64:
        return _present(column) if _beyond(operator, is_above=value > 0) else FALSE
    if isinstance(value, float):
        return _decimal_condition(parameters, column, operator, value)
    return f"{column} {_SQL_OPERATORS[operator]} {parameters.add(value)}"


def _decimal_condition(parameters: Parameters, column: str, operator: str, value: float) -> str:
    """An integer column and a number between two integers."""
    if operator in ("=", "!="):
        return FALSE if operator == "=" else _present(column)
    sql = "<=" if operator in ("<", "<=") else ">"
    return f"{column} {sql} {parameters.add(math.floor(value))}"


def _present(column: str) -> str:
    return f"{column} IS NOT NULL"


def _beyond(operator: str, *, is_above: bool) -> bool:
    """Whether every stored number compares so with one above (or below) all of them."""
    return operator in (("!=", "<", "<=") if is_above else ("!=", ">", ">="))


def number_condition(parameters: Parameters, column: str, comparison: Comparison) -> str:
    """A column of finite numbers, NULL where the text is none."""
    operator, value = comparison.operator, comparison.value
    if isinstance(value, tuple):
        finite: list[object] = [float(item) for item in value if math.isfinite(float(item))]
        if not finite:
            return _present(column) if operator == "NOT IN" else FALSE
        return f"{column} {operator} ({parameters.several(finite)})"
    assert isinstance(value, (int, float))
    if math.isinf(value):
        return _present(column) if _beyond(operator, is_above=value > 0) else FALSE
    return f"{column} {_SQL_OPERATORS[operator]} {parameters.add(float(value))}"


def kind_of(value: float) -> int:
    return 0 if math.isfinite(value) else 1 if value > 0 else -1


def metric_condition(
    dialect: Dialect, parameters: Parameters, value_column: str, kind_column: str, comparison: Comparison
) -> str:
    """A value with its kind. NaN is of kind 2, so that a size must say which kinds it means."""
    operator, value = comparison.operator, comparison.value
    if isinstance(value, tuple):
        finite: list[object] = [float(item) for item in value if math.isfinite(float(item))]
        equal = [f"{kind_column} = {kind_of(float(item))}" for item in value if math.isinf(float(item))]
        if finite:
            equal.append(f"({kind_column} = 0 AND {value_column} IN ({parameters.several(finite)}))")
        return f"{'NOT ' if operator == 'NOT IN' else ''}({' OR '.join(sorted(set(equal)))})"
    assert isinstance(value, (int, float))
    kind = kind_of(value)
    if kind:
        not_nan = f" AND {kind_column} < 2" if operator in (">", ">=") else ""
        return f"({kind_column} {_SQL_OPERATORS[operator]} {kind}{not_nan})"
    mark = parameters.add(float(value))
    if operator == "=":
        return f"({kind_column} = 0 AND {value_column} = {mark})"
    if operator == "!=":
        return f"({kind_column} <> 0 OR {value_column} <> {mark})"
    if dialect.name in ("sqlite", "postgresql"):
        not_nan = f" AND {kind_column} < 2" if operator in (">", ">=") else ""
        return f"(({kind_column}, {value_column}) {operator} (0, {mark}){not_nan})"  # a range of the index
    beyond = -1 if operator in ("<", "<=") else 1
    return f"({kind_column} = {beyond} OR ({kind_column} = 0 AND {value_column} {operator} {mark}))"
