"""Services check all of this before; a value that slips through is refused, not an error of the server."""

from __future__ import annotations

import pytest

from runebook.core.errors import InvalidParameterValue
from runebook.core.params import Param
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import add_run, log_params


@pytest.mark.parametrize("value", ["a\x00b", "a\ud800b"], ids=["NUL", "a lone surrogate"])
def test_text_is_stored_whole_or_refused(empty_uri: str, value: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    run_id = add_run(storage)
    expected = [Param(key="fine", value="1"), Param(key="odd", value=value)]
    try:
        log_params(storage, run_id, expected)
    except InvalidParameterValue:
        expected = []
    with storage.read() as tx:
        assert tx.runs.get(run_id).data.params == expected
    storage.close()


def test_text_longer_than_its_column_is_stored_whole_or_refused(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    name = "x" * 600
    try:
        run_id = add_run(storage, run_name=name)
    except InvalidParameterValue as error:
        assert "too large" in error.message  # noqa: PT017  # a database with limits; the others keep it
    else:
        with storage.read() as tx:
            assert tx.runs.get_info(run_id).run_name == name
    storage.close()


def test_a_number_beyond_64_bits_is_refused(empty_uri: str) -> None:
    storage = SqlStorage.open(empty_uri, artifact_root="/artifacts")
    with pytest.raises(InvalidParameterValue, match="too large"):
        add_run(storage, start_time=2**63)
    storage.close()
