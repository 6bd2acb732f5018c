"""From what a caller asks for to what `search` runs: texts are parsed, experiments and stages become numbers."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.search.fields import field_key
from runebook.search.order_by import parse_order_by, total_order
from runebook.search.parser import parse_filter
from runebook.search.vocabulary import EXPERIMENTS, LOGGED_MODELS, RUNS, OrderKey
from runebook.storage.base import LoggedModelQuery, SearchQuery
from runebook.storage.sql.references import experiment_number
from runebook.storage.sql.schema import ACTIVE
from runebook.storage.sql.search import Search, search_ids
from runebook.storage.sql.search_tables import EXPERIMENT_TABLES, LOGGED_MODEL_TABLES, RUN_TABLES
from runebook.storage.sql.session import Session
from runebook.storage.sql.stages import STAGE_NUMBERS

FoundIds = tuple[list[int], str | None]
"""One page of rows by their ids, in order, and the next page's token."""


def experiment_ids(db: Session, query: SearchQuery) -> FoundIds:
    tree, order = parse_filter(query.filter, EXPERIMENTS), parse_order_by(query.order_by, EXPERIMENTS)
    return _found(db, Search(EXPERIMENT_TABLES, tree, order, None, _stages(query)), query)


def run_ids(db: Session, experiments: Sequence[str], query: SearchQuery) -> FoundIds:
    tree, order = parse_filter(query.filter, RUNS), parse_order_by(query.order_by, RUNS)
    return _found(db, Search(RUN_TABLES, tree, order, _numbers(experiments), _stages(query)), query)


def logged_model_ids(db: Session, experiments: Sequence[str], query: LoggedModelQuery) -> FoundIds:
    tree = parse_filter(query.filter, LOGGED_MODELS)
    keys = [
        OrderKey(field_key(by.field_name, LOGGED_MODELS), by.ascending, by.dataset_name, by.dataset_digest)
        for by in query.order_by
    ]
    order, datasets = total_order(keys, LOGGED_MODELS), tuple(query.datasets)
    return _found(db, Search(LOGGED_MODEL_TABLES, tree, order, _numbers(experiments), (ACTIVE,), datasets), query)


def _found(db: Session, search: Search, query: SearchQuery | LoggedModelQuery) -> FoundIds:
    return search_ids(db.fetch_with, db.dialect, search, query.max_results, query.page_token or None)


def _numbers(experiments: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted({experiment_number(experiment_id) for experiment_id in experiments}))


def _stages(query: SearchQuery) -> tuple[int, ...]:
    return tuple(STAGE_NUMBERS[stage] for stage in query.view.stages)
