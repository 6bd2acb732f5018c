"""Many rows in one statement, which PostgreSQL takes as arrays."""

from __future__ import annotations

import math

from runebook.core.params import Param
from runebook.core.tags import Tag
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import AWKWARD_VALUES, add_params, add_run, history, log, metric


def test_many_rows_are_written_as_few_are(empty_uri: str) -> None:
    values = [*AWKWARD_VALUES, "1e300", "-7", "0x1", "{a,b}", '{"a"}', "NULL", "\\N", "1e999"]
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    together, alone = add_run(storage), add_run(storage)
    params = [Param(key=f"p{number}", value=value) for number, value in enumerate(values)]
    tags = [Tag(key=f"t{number}", value=value) for number, value in enumerate(values)]
    numbers = [0.0, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan, 1 / 3, 2.0, 3.0]
    points = [metric(f"m{number}", value, -number) for number, value in enumerate(numbers)]
    add = [(params, tags, points)], [([param], [tag], []) for param, tag in zip(params, tags, strict=True)]
    for run_id, parts in zip((together, alone), add, strict=True):
        for some_params, some_tags, some_points in parts:
            with storage.write() as tx:
                add_params(tx, run_id, some_params)
                tx.tags.set({run_id: some_tags})
            log(storage, run_id, some_points)
    for point in points:
        log(storage, alone, [point])
    with storage.database.reading() as session:
        rows = {
            table: [
                session.fetch(
                    f"SELECT t.* FROM {table} t JOIN runs r ON r.id = t.run WHERE r.run_id = :run", run=run_id
                )
                for run_id in (together, alone)
            ]
            for table in ("params", "tags", "metric_summaries")
        }
    histories = [[history(storage, run_id, point.key) for point in points] for run_id in (together, alone)]
    storage.close()

    for table, (some, others) in rows.items():
        assert len(some) >= len(numbers), table
        assert repr(sorted(row[1:] for row in some)) == repr(sorted(row[1:] for row in others)), table
    assert repr(histories[0]) == repr(histories[1])
