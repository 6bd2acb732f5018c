"""The table of names: what ids of series stand for."""

from __future__ import annotations

from pathlib import Path

from tests.client.spool.making import LOSS, RUN

from runebook.client.spool.names import FILE, Names, SeriesName, read_names
from runebook.client.spool.records import FIRST_SERIES

ODD = SeriesName(RUN, "größe/ 雪", "m-1", "data", "abc")


def test_names_are_read_as_they_were_added(tmp_path: Path) -> None:
    names = Names(tmp_path)
    ids = [names.add(name) for name in (LOSS, ODD)]
    names.close()

    assert read_names(tmp_path) == dict(zip(ids, (LOSS, ODD), strict=True))
    assert ids == [FIRST_SERIES, FIRST_SERIES + 1]


def test_a_folder_without_a_table_has_no_names(tmp_path: Path) -> None:
    assert read_names(tmp_path) == {}


def test_an_entry_that_is_not_whole_ends_the_table(tmp_path: Path) -> None:
    names = Names(tmp_path)
    first = names.add(LOSS)
    size = names.size_bytes
    names.add(ODD)
    names.close()
    whole = (tmp_path / FILE).read_bytes()

    for length in range(size, len(whole)):
        (tmp_path / FILE).write_bytes(whole[:length])
        assert read_names(tmp_path) == {first: LOSS}
    for place in range(size, len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        (tmp_path / FILE).write_bytes(damaged)
        assert read_names(tmp_path) == {first: LOSS}


def test_names_of_runs_that_are_forgotten_are_gone_and_their_ids_are_not_used_again(tmp_path: Path) -> None:
    names = Names(tmp_path)
    names.add(LOSS)
    other = SeriesName("1" * 32, "loss")
    kept = names.add(other)

    names.forget({RUN})
    added = names.add(ODD)
    names.close()

    assert names.by_id == read_names(tmp_path) == {kept: other, added: ODD}
    assert added > kept
    assert names.size_bytes == (tmp_path / FILE).stat().st_size
