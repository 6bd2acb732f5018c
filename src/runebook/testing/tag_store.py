"""The contract of `TagStore`."""

from __future__ import annotations

import pytest

from runebook.core.errors import NotFound
from runebook.core.tags import Tag
from runebook.storage.base import Storage
from runebook.testing.backend import Backend
from runebook.testing.records import AWKWARD_KEYS, AWKWARD_VALUES, add_run


class TagStoreContract:
    def test_tags_are_stored_as_they_were_sent(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        sent = {f"value {place:02}": value for place, value in enumerate(AWKWARD_VALUES)}
        sent |= {key: f"of {key[:20]}" for key in AWKWARD_KEYS}
        with backend.storage.write() as tx:
            tx.tags.set({run_id: [Tag(key=key, value=value) for key, value in sent.items()]})
        with backend.storage.read() as tx:
            read = {tag.key: tag.value for tag in tx.runs.get(run_id).data.tags}
            one_by_one = {key: tx.tags.get(run_id, key) for key in sent}

        assert read == one_by_one == sent
        assert backend.raw_tags(run_id) == sent

    def test_a_tag_is_overwritten_and_the_last_of_equal_keys_counts(self, backend: Backend) -> None:
        run_id = add_run(backend.storage, tags=[Tag(key="kept", value="1"), Tag(key="mood", value="old")])
        with backend.storage.write() as tx:
            tx.tags.set({run_id: [Tag(key="mood", value="new"), Tag(key="mood", value="newest")]})

        assert backend.raw_tags(run_id) == {"kept": "1", "mood": "newest"}

    def test_tags_of_many_runs_are_set_at_once_or_none(self, backend: Backend) -> None:
        runs = [add_run(backend.storage) for _ in range(3)]
        with backend.storage.write() as tx:
            tags: dict[str, list[Tag]] = {run_id: [Tag(key="n", value=str(n))] for n, run_id in enumerate(runs)}
            tx.tags.set(tags | {runs[2]: []})
        with pytest.raises(NotFound), backend.storage.write() as tx:
            tx.tags.set({runs[0]: [Tag(key="x", value="y")], "f" * 32: [Tag(key="x", value="y")]})

        assert [backend.raw_tags(run_id) for run_id in runs] == [{"n": "0"}, {"n": "1"}, {}]

    def test_a_deleted_tag_is_gone(self, backend: Backend) -> None:
        run_id = add_run(backend.storage, tags=[Tag(key="a", value="1"), Tag(key="A", value="2")])
        with backend.storage.write() as tx:
            tx.tags.delete(run_id, "a")
        with backend.storage.read() as tx:
            assert tx.tags.get(run_id, "a") is None

        assert backend.raw_tags(run_id) == {"A": "2"}

    @pytest.mark.parametrize("key", ["a", "never used anywhere"])
    def test_a_tag_that_is_not_there_cannot_be_deleted(self, storage: Storage, key: str) -> None:
        add_run(storage, tags=[Tag(key="a", value="of another run")])
        run_id = add_run(storage)
        with pytest.raises(NotFound, match=key), storage.write() as tx:
            tx.tags.delete(run_id, key)

    def test_an_unknown_run_is_not_found(self, storage: Storage) -> None:
        with pytest.raises(NotFound), storage.write() as tx:
            tx.tags.set({"f" * 32: [Tag(key="a", value="b")]})
