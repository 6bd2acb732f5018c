"""Random filters, orders and runs that are likely to meet each other."""

from __future__ import annotations

from hypothesis import strategies as st

from runebook.search.evaluate import DatasetFacts
from runebook.search.tree import Comparison, Key, Node, Not, all_of, any_of
from runebook.search.vocabulary import AGGREGATES, LIFECYCLE_STAGES, RUN_STATUSES
from runebook.testing.search_records import RunCase

TEXTS = st.sampled_from(
    ["", "a", "A", "b ", "b", "a%", "a_c", "abc", "É", "é", "it's", "\\", "x\\", "*[a]", "1", "1.0", "2", "-3e1"]
)
PATTERNS = st.text(alphabet="aAbc%_É*[]\\'1", max_size=5)
NUMBERS = st.sampled_from([-30.0, -1.0, 0.0, 0.5, 1.0, 2.0, 1e300, float("inf"), float("-inf")])
VALUES = st.one_of(NUMBERS, st.just(float("nan")))
METRIC_NAMES = st.sampled_from(["m", "n", "m.min", "m m"])
KEY_NAMES = st.sampled_from(["p", "q", "p.min", "p`q", "mlflow.x"])

_EQUAL = st.sampled_from(["=", "!="])
_SIZE = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
_LIKE = st.sampled_from(["LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE"])
_IN = st.sampled_from(["IN", "NOT IN"])
_NULL = st.sampled_from(["IS NULL", "IS NOT NULL"])


def _tuples(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


def _clauses(keys: st.SearchStrategy[Key], *kinds: str, texts: st.SearchStrategy = TEXTS) -> st.SearchStrategy[Node]:
    integers = st.one_of(st.integers(-2, 6), st.sampled_from([2.5, float("inf"), 2**63, -(2**70)]))
    choices = {
        "text": [st.tuples(_EQUAL, texts), st.tuples(_LIKE, PATTERNS), st.tuples(_IN, _tuples(texts))],
        "number": [st.tuples(_SIZE, NUMBERS), st.tuples(_IN, _tuples(NUMBERS))],
        "integer": [st.tuples(_SIZE, integers), st.tuples(_IN, _tuples(integers))],
        "like": [st.tuples(_LIKE, PATTERNS)],
    }
    pairs = st.one_of(st.tuples(_NULL, st.none()), *(choice for kind in kinds for choice in choices[kind]))
    return st.builds(lambda key, pair: Comparison(key, pair[0], pair[1]), keys, pairs)


def _attributes(*names: str) -> st.SearchStrategy[Key]:
    return st.sampled_from([Key("attribute", name) for name in names])


METRIC_KEYS = st.one_of(
    st.builds(lambda name: Key("metric", name), METRIC_NAMES),
    st.builds(lambda name, aggregate: Key("metric", name, aggregate), METRIC_NAMES, st.sampled_from(AGGREGATES)),
    st.builds(
        lambda name, aggregate: Key("metric", name, aggregate, f"{name}.{aggregate}"),
        st.sampled_from(["m", "n", "m.min"]),
        st.sampled_from(AGGREGATES),
    ),
)
TEXT_KEYS = st.builds(Key, st.sampled_from(["param", "tag"]), KEY_NAMES)
INTEGER_NAMES = ("start_time", "end_time", "duration")

LEAVES: st.SearchStrategy[Node] = st.one_of(
    _clauses(METRIC_KEYS, "number"),
    _clauses(TEXT_KEYS, "text", "number"),
    _clauses(_attributes(*INTEGER_NAMES), "integer"),
    _clauses(_attributes("experiment_id"), "integer", "like"),
    _clauses(_attributes("run_id", "run_name", "user_id"), "text"),
    _clauses(_attributes("status"), "text", texts=st.sampled_from([*RUN_STATUSES, "x"])),
    _clauses(_attributes("lifecycle_stage"), "text", texts=st.sampled_from([*LIFECYCLE_STAGES, "x"])),
    _clauses(st.builds(Key, st.just("dataset"), st.sampled_from(["name", "digest", "context"])), "text"),
)
TREES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda nodes: st.one_of(
        nodes.map(Not),
        st.lists(nodes, min_size=2, max_size=3).map(all_of),
        st.lists(nodes, min_size=2, max_size=3).map(any_of),
    ),
    max_leaves=8,
)
ORDER_CLAUSES = st.lists(
    st.builds(
        "{} {}".format,
        st.sampled_from(
            [
                "metrics.m",
                "metrics.m.min",
                "metrics.`m m`.max",
                "metrics.n.count",
                "params.p",
                "tags.`p.min`",
                "status",
                "start_time",
                "end_time",
                "duration",
                "run_id",
                "run_name",
                "lifecycle_stage",
                "experiment_id",
            ]
        ),
        st.sampled_from(["ASC", "DESC"]),
    ),
    max_size=3,
    unique_by=lambda clause: clause.split()[0],
)

_DATASETS = st.builds(
    DatasetFacts,
    st.sampled_from(["a", "A", "b "]),
    st.sampled_from(["1", "2"]),
    st.sampled_from([None, "train", "a"]),
)


def _run(index: int) -> st.SearchStrategy[RunCase]:
    return st.builds(
        RunCase,
        run_id=st.just(f"{'abAB'[index % 4]}{index}"),
        run_name=TEXTS,
        user_id=TEXTS,
        status=st.sampled_from(RUN_STATUSES),
        start_time=st.integers(0, 4),
        end_time=st.one_of(st.none(), st.integers(0, 6)),
        lifecycle_stage=st.sampled_from(LIFECYCLE_STAGES),
        metrics=st.dictionaries(METRIC_NAMES, st.lists(VALUES, min_size=1, max_size=3), max_size=3),
        params=st.dictionaries(KEY_NAMES, TEXTS, max_size=3),
        tags=st.dictionaries(KEY_NAMES, TEXTS, max_size=3),
        datasets=st.lists(_DATASETS, max_size=2, unique_by=lambda dataset: (dataset.name, dataset.digest)),
    )


RUN_SETS = st.integers(0, 6).flatmap(lambda count: st.tuples(*(_run(index) for index in range(count))))
