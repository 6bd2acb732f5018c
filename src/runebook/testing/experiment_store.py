"""The contract of `ExperimentStore`."""

from __future__ import annotations

import pytest

from runebook.core.errors import AlreadyExists, InvalidParameterValue, NotFound
from runebook.core.experiments import LifecycleStage, ViewType
from runebook.core.tags import Tag
from runebook.storage.base import Storage
from runebook.testing.backend import Backend
from runebook.testing.records import AWKWARD_VALUES, NOW_MS, add_experiment, add_run, everything


class ExperimentStoreContract:
    def test_the_default_experiment_is_there(self, storage: Storage) -> None:
        with storage.read() as tx:
            default = tx.experiments.get("0")

        assert default.name == "Default"
        assert default.artifact_location == f"{storage.artifact_root}/0"
        assert default.lifecycle_stage is LifecycleStage.ACTIVE

    def test_an_experiment_is_read_as_it_was_made(self, backend: Backend) -> None:
        tags = [Tag(key="team", value="vision"), Tag(key="a/b", value="x")]
        with backend.storage.write() as tx:
            experiment_id = tx.experiments.create("birds", "s3://bucket/birds", "/unused", tags, NOW_MS)

        again = backend.open_again()
        with again.read() as tx:
            experiment = tx.experiments.get(experiment_id)
            by_name = tx.experiments.get_by_name("birds")
        if again is not backend.storage:
            again.close()

        assert experiment == by_name
        assert experiment.experiment_id == experiment_id
        assert (experiment.name, experiment.artifact_location) == ("birds", "s3://bucket/birds")
        assert (experiment.creation_time, experiment.last_update_time) == (NOW_MS, NOW_MS)
        assert experiment.tags == sorted(tags, key=lambda tag: tag.key)

    def test_without_a_location_it_gets_one_below_the_root(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage)
        with storage.read() as tx:
            assert tx.experiments.get(experiment_id).artifact_location == f"{storage.artifact_root}/{experiment_id}"

    def test_ids_are_different_decimal_numbers(self, storage: Storage) -> None:
        ids = [add_experiment(storage) for _ in range(3)]
        assert len({"0", *ids}) == 4
        assert all(experiment_id.isdecimal() for experiment_id in ids)

    def test_names_differ_by_case_and_by_trailing_spaces(self, storage: Storage) -> None:
        ids = {name: add_experiment(storage, name) for name in ("cats", "Cats", "cats ", "кошки", "😀")}
        with storage.read() as tx:
            found = {name: tx.experiments.get_by_name(name) for name in ids}
        assert {name: experiment and experiment.experiment_id for name, experiment in found.items()} == ids

    @pytest.mark.parametrize("stage", list(LifecycleStage))
    def test_a_taken_name_is_refused(self, storage: Storage, stage: LifecycleStage) -> None:
        experiment_id = add_experiment(storage, "taken")
        with storage.write() as tx:
            tx.experiments.set_stage(experiment_id, stage, NOW_MS)

        with pytest.raises(AlreadyExists), storage.write() as tx:
            tx.experiments.create("taken", None, storage.artifact_root, [], NOW_MS)

    def test_an_unknown_experiment_is_not_found(self, storage: Storage) -> None:
        with storage.read() as tx:
            for experiment_id in ("12345", "9" * 18, "9" * 40):
                with pytest.raises(NotFound, match=f"No Experiment with id={experiment_id} exists"):
                    tx.experiments.get(experiment_id)
            assert tx.experiments.get_by_name("nobody's") is None

    @pytest.mark.parametrize("experiment_id", ["abc", "", "1.5", "1 ", "../0", "0x1"])
    def test_an_id_that_is_no_number_is_refused(self, storage: Storage, experiment_id: str) -> None:
        with storage.read() as tx, pytest.raises(InvalidParameterValue, match="must be a valid integer"):
            tx.experiments.get(experiment_id)

    def test_it_can_be_renamed(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage, "before")
        with storage.write() as tx:
            tx.experiments.rename(experiment_id, "after", NOW_MS + 5)
        with storage.read() as tx:
            experiment = tx.experiments.get_by_name("after")
            assert tx.experiments.get_by_name("before") is None

        assert experiment is not None
        assert experiment.last_update_time == NOW_MS + 5
        assert experiment.creation_time == NOW_MS

    def test_it_keeps_its_own_name(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage, "same")
        with storage.write() as tx:
            tx.experiments.rename(experiment_id, "same", NOW_MS)
        with storage.read() as tx:
            assert tx.experiments.get(experiment_id).name == "same"

    def test_a_taken_or_unknown_target_of_a_renaming_is_refused(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage, "one")
        add_experiment(storage, "other")
        with pytest.raises(AlreadyExists), storage.write() as tx:
            tx.experiments.rename(experiment_id, "other", NOW_MS)
        with pytest.raises(NotFound), storage.write() as tx:
            tx.experiments.rename("987654", "new", NOW_MS)
        with storage.read() as tx:
            assert tx.experiments.get(experiment_id).name == "one"

    def test_restoring_brings_back_only_the_runs_that_went_with_it(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage)
        kept, deleted_before = add_run(storage, experiment_id), add_run(storage, experiment_id)
        with storage.write() as tx:
            tx.runs.set_stage(deleted_before, LifecycleStage.DELETED, NOW_MS)
        with storage.write() as tx:
            tx.experiments.set_stage(experiment_id, LifecycleStage.DELETED, NOW_MS + 1)
        with storage.read() as tx:
            gone = [tx.runs.get_info(run_id).lifecycle_stage for run_id in (kept, deleted_before)]
            assert tx.experiments.get(experiment_id).lifecycle_stage is LifecycleStage.DELETED
        with storage.write() as tx:
            tx.experiments.set_stage(experiment_id, LifecycleStage.ACTIVE, NOW_MS + 2)
        with storage.read() as tx:
            back = [tx.runs.get_info(run_id).lifecycle_stage for run_id in (kept, deleted_before)]
            experiment = tx.experiments.get(experiment_id)

        assert gone == [LifecycleStage.DELETED, LifecycleStage.DELETED]
        assert back == [LifecycleStage.ACTIVE, LifecycleStage.DELETED]
        assert experiment.lifecycle_stage is LifecycleStage.ACTIVE
        assert experiment.last_update_time == NOW_MS + 2

    def test_tags_are_set_overwritten_and_deleted(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage)
        for value in ("first", "second"):
            with storage.write() as tx:
                tx.experiments.set_tag(experiment_id, Tag(key="stage", value=value), NOW_MS)
        with storage.read() as tx:
            assert tx.experiments.get(experiment_id).tags == [Tag(key="stage", value="second")]
        with storage.write() as tx:
            tx.experiments.delete_tag(experiment_id, "stage", NOW_MS)
        with storage.read() as tx:
            assert tx.experiments.get(experiment_id).tags == []

    def test_tag_values_survive_unchanged(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage)
        tags = [Tag(key=f"tag {place:02}", value=value) for place, value in enumerate(AWKWARD_VALUES)]
        with storage.write() as tx:
            for tag in tags:
                tx.experiments.set_tag(experiment_id, tag, NOW_MS)
        with storage.read() as tx:
            assert tx.experiments.get(experiment_id).tags == tags

    def test_a_tag_that_is_not_there_cannot_be_deleted(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage)
        with pytest.raises(NotFound), storage.write() as tx:
            tx.experiments.delete_tag(experiment_id, "nothing", NOW_MS)
        with pytest.raises(NotFound), storage.write() as tx:
            tx.experiments.set_tag("987654", Tag(key="a", value="b"), NOW_MS)

    def test_a_search_pages_through_the_active_ones_newest_first(self, storage: Storage) -> None:
        made = []
        for age in range(5):
            with storage.write() as tx:
                made.append(tx.experiments.create(f"e{age}", None, storage.artifact_root, [], NOW_MS * 2 - age))
        with storage.write() as tx:
            tx.experiments.set_stage(made[1], LifecycleStage.DELETED, NOW_MS)
        found, token = [], None
        with storage.read() as tx:
            while True:
                page = tx.experiments.search(everything(2, token))
                found += [experiment.experiment_id for experiment in page.items]
                token = page.next_token
                if token is None:
                    break
            deleted = tx.experiments.search(everything()._replace(view=ViewType.DELETED_ONLY)).items
            named = tx.experiments.search(everything()._replace(filter="name LIKE 'e%'", order_by=["name DESC"])).items

        assert [i for i in found if i != "0"] == [made[0], *made[2:]]
        assert sorted(found) == sorted({"0", made[0], *made[2:]})
        assert [experiment.experiment_id for experiment in deleted] == [made[1]]
        assert [experiment.name for experiment in named] == ["e4", "e3", "e2", "e0"]
