from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runebook.core.errors import InvalidParameterValue
from runebook.core.limits import MAX_FILTER_CLAUSES, MAX_FILTER_LENGTH
from runebook.search.evaluate import matches
from runebook.search.order_by import parse_order_by
from runebook.search.parser import parse_filter
from runebook.search.tree import And, Comparison, Key, Node, Not, Or, SameDataset
from runebook.search.unparse import filter_text
from runebook.search.vocabulary import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS, Noun
from runebook.testing.search_records import RunCase, RunCaseRecord

from .strategies import TREES

NOUNS = [RUNS, EXPERIMENTS, REGISTERED_MODELS, MODEL_VERSIONS, LOGGED_MODELS]


def param(name: str, value: str = "1") -> Comparison:
    return Comparison(Key("param", name), "=", value)


def dataset(name: str, value: str) -> Comparison:
    return Comparison(Key("dataset", name), "=", value)


def test_not_binds_tighter_than_and_and_and_tighter_than_or() -> None:
    tree = parse_filter("params.a='1' OR NOT params.b='1' AND params.c='1'", RUNS)
    assert tree == Or((param("a"), And((Not(param("b")), param("c")))))


def test_parentheses_that_change_nothing_leave_no_trace() -> None:
    tree = parse_filter("((params.a='1') AND ((params.b='1' AND (params.c='1'))))", RUNS)
    assert tree == And((param("a"), param("b"), param("c")))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("dataset.name='a' AND dataset.digest='b'", And((dataset("name", "a"), dataset("digest", "b")))),
        ("(dataset.name='a' AND dataset.digest='b')", SameDataset(And((dataset("name", "a"), dataset("digest", "b"))))),
        ("(dataset.name='a')", dataset("name", "a")),
        ("(dataset.name='a' OR dataset.name='b')", Or((dataset("name", "a"), dataset("name", "b")))),
        (
            "((dataset.name='a' AND dataset.digest='b') OR dataset.name='c')",
            SameDataset(Or((And((dataset("name", "a"), dataset("digest", "b"))), dataset("name", "c")))),
        ),
        (
            "(dataset.name='a' AND params.p='1' AND dataset.digest='b')",
            And((SameDataset(And((dataset("name", "a"), dataset("digest", "b")))), param("p"))),
        ),
        ("(NOT dataset.name='a' AND dataset.digest='b')", And((Not(dataset("name", "a")), dataset("digest", "b")))),
    ],
)
def test_one_pair_of_parentheses_is_about_one_dataset(text: str, tree: object) -> None:
    assert parse_filter(text, RUNS) == tree


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("metrics.loss.min > 1", Key("metric", "loss", "min", "loss.min")),
        ("metrics.a.b.min > 1", Key("metric", "a.b", "min", "a.b.min")),
        ('metrics."loss.min" > 1', Key("metric", "loss.min")),
        ("metrics.`a b`.max > 1", Key("metric", "a b", "max")),
        ("metrics.min > 1", Key("metric", "min")),
        ("`metrics`.`loss` > 1", Key("metric", "loss")),
    ],
)
def test_an_aggregate_is_told_from_a_name_by_quoting(text: str, key: Key) -> None:
    assert parse_filter(text, RUNS) == Comparison(key, ">", 1.0)


@pytest.mark.parametrize(
    ("quoted", "value"),
    [
        ("'it''s'", "it's"),
        (r"'it\'s'", "it's"),
        ('"it\'s"', "it's"),
        (r"'C:\dir'", "C:\\dir"),
        (r"'C:\\dir'", "C:\\\\dir"),
        (r"'C:\\'", "C:\\"),
        (r"'C:\dir\'", "C:\\dir\\"),
        (r"'\\\''", "\\'"),
        ("''", ""),
        ("''''", "'"),
        ("'\n'", "\n"),
    ],
)
def test_a_quoted_text_means(quoted: str, value: str) -> None:
    assert parse_filter(f"params.a = {quoted}", RUNS) == param("a", value)


def test_a_message_shows_the_place_and_says_what_was_expected() -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        parse_filter("metrics.loss > 0.5 AND\nend_time = now", RUNS)
    assert caught.value.message.splitlines() == [
        "Invalid filter, at character 35: expected an integer after end_time =, found now.",
        "  metrics.loss > 0.5 AND end_time = now",
        "                                    ^",
    ]


def test_a_long_filter_is_shown_in_part() -> None:
    text = " AND ".join(["params.a = 'x'"] * 50) + " oops " + " AND ".join(["params.a = 'x'"] * 50)
    with pytest.raises(InvalidParameterValue) as caught:
        parse_filter(text, RUNS)
    first, shown, caret = caught.value.message.splitlines()
    assert "character 947" in first
    assert len(shown) < 160
    assert shown[caret.index("^") :].startswith("oops ")


def test_a_misspelt_attribute_is_answered_with_the_right_one() -> None:
    with pytest.raises(InvalidParameterValue, match=r"Did you mean status\?"):
        parse_filter("statu = 'x'", RUNS)


@pytest.mark.parametrize("unit", ["(", "NOT ", "NOT ("])
def test_depth_is_limited_without_a_stack_overflow(unit: str) -> None:
    with pytest.raises(InvalidParameterValue, match="nests at most"):
        parse_filter(unit * 10_000 + "run_id = 'a'", RUNS)


def test_the_deepest_filter_is_read_written_and_evaluated() -> None:
    half = MAX_FILTER_CLAUSES // 2
    text = "(run_id = 'a' OR NOT " * half + "run_id = 'b'" + ")" * half
    tree = parse_filter(text, RUNS)
    assert tree is not None
    for run_id in "abc":
        expected = run_id == "b"
        for _ in range(half):
            expected = run_id == "a" or not expected
        assert matches(tree, RunCaseRecord(RunCase(run_id))) is expected
    assert parse_filter(filter_text(tree), RUNS) == tree


def test_the_number_of_comparisons_and_of_characters_is_limited() -> None:
    clauses = ["run_id = 'a'"] * MAX_FILTER_CLAUSES
    assert parse_filter(" OR ".join(clauses), RUNS) is not None
    with pytest.raises(InvalidParameterValue, match="at most 250 comparisons"):
        parse_filter(" OR ".join([*clauses, "run_id = 'a'"]), RUNS)
    with pytest.raises(InvalidParameterValue, match="longer than"):
        parse_filter("run_id = '" + "a" * MAX_FILTER_LENGTH + "'", RUNS)


def test_unequal_to_the_prompt_tag_also_means_without_it() -> None:
    tree = parse_filter("tags.`mlflow.prompt.is_prompt` != 'true'", REGISTERED_MODELS)
    assert tree == Not(Comparison(Key("tag", "mlflow.prompt.is_prompt"), "=", "true"))
    assert parse_filter("tags.other != 'true'", REGISTERED_MODELS) == Comparison(Key("tag", "other"), "!=", "true")


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        (EXPERIMENTS, "attribute.name = 'a' AND experiment_id IN ('1', '2') AND creation_time > 5 AND tag.x IS NULL"),
        (EXPERIMENTS, "experiment_id = '1' AND experiment_id != 2 AND lifecycle_stage = 'active'"),
        (REGISTERED_MODELS, "attribute.name ILIKE 'a%' AND name IN ('a', 'b') AND tags.k LIKE 'x'"),
        (MODEL_VERSIONS, "name = 'a' AND version_number = '1' AND version_number >= 2 AND run_id IN ('r')"),
        (MODEL_VERSIONS, "source_path LIKE 's3://%' AND tag.k != 'v'"),
        (LOGGED_MODELS, "name='a' AND metrics.acc > 0.5 AND params.`k` LIKE 'x' AND tags.t NOT IN ('a')"),
        (LOGGED_MODELS, "status = 'READY' AND creation_time > 5 AND last_updated_timestamp < 6 AND model_type = \"x\""),
        (LOGGED_MODELS, "attributes.source_run_id IN ('a') AND experiment_id LIKE '1%'"),
    ],
)
def test_every_noun_has_its_words(noun: Noun, text: str) -> None:
    assert parse_filter(text, noun) is not None


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        (EXPERIMENTS, "metrics.a > 1"),
        (REGISTERED_MODELS, "version_number = 1"),
        (MODEL_VERSIONS, "version_number = 'one'"),
        (LOGGED_MODELS, "status = 'GONE'"),
        (LOGGED_MODELS, "dataset.name = 'a'"),
        (LOGGED_MODELS, "artifact_path = 'a'"),
    ],
)
def test_words_of_another_noun_are_refused(noun: Noun, text: str) -> None:
    with pytest.raises(InvalidParameterValue, match="Invalid filter"):
        parse_filter(text, noun)


@pytest.mark.parametrize(
    ("noun", "clauses", "expected"),
    [
        (RUNS, [], "-start_time run_id"),
        (RUNS, ["start_time"], "start_time run_id"),
        (RUNS, ["run_id"], "run_id -start_time"),
        (EXPERIMENTS, [], "-creation_time experiment_id"),
        (EXPERIMENTS, ["name"], "name -experiment_id"),
        (REGISTERED_MODELS, ["timestamp DESC"], "-last_updated_timestamp name"),
        (MODEL_VERSIONS, ["name desc"], "-name -version_number"),
        (LOGGED_MODELS, ["metrics.acc DESC"], "-acc -creation_timestamp_ms model_id"),
    ],
)
def test_every_order_ends_in_a_unique_key(noun: Noun, clauses: list[str], expected: str) -> None:
    order = parse_order_by(clauses, noun)
    assert " ".join(("" if item.ascending else "-") + item.key.name for item in order) == expected


@given(TREES)
@settings(max_examples=200, deadline=None)
def test_a_tree_written_and_read_is_the_same_tree(tree: Node) -> None:
    read = parse_filter(filter_text(tree), RUNS)
    assert read is not None
    assert parse_filter(filter_text(read), RUNS) == read


WORDS = st.one_of(
    st.sampled_from(
        ["metrics.loss", "params.`a", 'tags."x"', "dataset.name", "run_id", "status", "start_time", "tags."]
    ),
    st.sampled_from(["=", "!=", "<", "<=", "==", "LIKE", "ILIKE", "NOT", "IN", "IS", "NULL", "AND", "OR", "ASC"]),
    st.sampled_from(["1", "-2.5", "1e999", "'a'", '"b"', "experiment_id", *"'\"`\\.;%é(),\x00\ud800"]),
)


@given(st.sampled_from(NOUNS), st.one_of(st.text(), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("".join)))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_tree_or_refused(noun: Noun, text: str) -> None:
    try:
        tree = parse_filter(text, noun)
        if tree is not None:
            assert parse_filter(filter_text(tree), noun) == tree
    except InvalidParameterValue as error:
        error.message.encode()
    try:
        parse_order_by([text], noun)
    except InvalidParameterValue as error:
        error.message.encode()
