"""The contract of `DatasetStore`."""

from __future__ import annotations

import pytest

from runebook.core.datasets import Dataset, DatasetInput, DatasetSummary, ModelInput, ModelOutput
from runebook.core.errors import NotFound
from runebook.core.experiments import LifecycleStage
from runebook.core.runs import Run
from runebook.core.tags import Tag
from runebook.storage.base import Storage
from runebook.testing.records import NOW_MS, add_experiment, add_model, add_run, used


def read_run(storage: Storage, run_id: str) -> Run:
    with storage.read() as tx:
        return tx.runs.get(run_id)


class DatasetStoreContract:
    def test_inputs_are_read_as_they_were_logged(self, storage: Storage) -> None:
        run_id = add_run(storage)
        dataset = Dataset(
            name="iris 鸢尾",
            digest="abc",
            source_type="hf",
            source='{"path": "iris"}',
            schema="{" + "s" * 100_000 + "}",
            profile='{"rows": 150}',
        )
        whole = DatasetInput(dataset=dataset, tags=[Tag(key="a", value="1"), Tag(key="b", value="")])
        with storage.write() as tx:
            tx.datasets.log_inputs(run_id, [whole, used("zebra"), used("ant")], [])

        found = read_run(storage, run_id).inputs.dataset_inputs
        assert sorted(found, key=lambda i: i.dataset.name) == [used("ant"), whole, used("zebra")]

    def test_an_input_that_is_there_is_left_with_its_tags(self, storage: Storage) -> None:
        run_id = add_run(storage)
        for context in ("train", "test"):
            with storage.write() as tx:
                tx.datasets.log_inputs(run_id, [used("iris", context=context), used("iris", context="other")], [])

        assert read_run(storage, run_id).inputs.dataset_inputs == [used("iris", context="train")]

    def test_runs_share_a_dataset_but_not_its_tags(self, storage: Storage) -> None:
        one, other = add_run(storage), add_run(storage)
        with storage.write() as tx:
            tx.datasets.log_inputs(one, [used("iris", context="train")], [])
            tx.datasets.log_inputs(other, [used("iris", context="test")], [])

        assert read_run(storage, one).inputs.dataset_inputs == [used("iris", context="train")]
        assert read_run(storage, other).inputs.dataset_inputs == [used("iris", context="test")]

    def test_another_digest_is_another_dataset(self, storage: Storage) -> None:
        run_id = add_run(storage)
        with storage.write() as tx:
            tx.datasets.log_inputs(run_id, [used("iris", "1"), used("iris", "2"), used("Iris", "1")], [])

        found = {(i.dataset.name, i.dataset.digest) for i in read_run(storage, run_id).inputs.dataset_inputs}
        assert found == {("iris", "1"), ("iris", "2"), ("Iris", "1")}

    def test_models_that_are_there_are_left(self, storage: Storage) -> None:
        run_id, one, other = add_run(storage), add_model(storage), add_model(storage)
        for step in (1, 2):
            with storage.write() as tx:
                tx.datasets.log_inputs(run_id, [], [ModelInput(model_id=one)])
                tx.datasets.log_outputs(run_id, [ModelOutput(model_id=one, step=step)])
        with storage.write() as tx:
            tx.datasets.log_outputs(run_id, [ModelOutput(model_id=other, step=-3)])
        run = read_run(storage, run_id)

        assert run.inputs.model_inputs == [ModelInput(model_id=one)]
        assert {(o.model_id, o.step) for o in run.outputs.model_outputs} == {(one, 1), (other, -3)}

    def test_an_unknown_run_is_not_found(self, storage: Storage) -> None:
        with pytest.raises(NotFound), storage.write() as tx:
            tx.datasets.log_inputs("f" * 32, [used("iris")], [])
        with pytest.raises(NotFound), storage.write() as tx:
            tx.datasets.log_outputs("f" * 32, [])

    def test_summaries_show_each_context_in_active_runs(self, storage: Storage) -> None:
        experiment, other = add_experiment(storage), add_experiment(storage)
        one, two, deleted, elsewhere = (add_run(storage, e) for e in (experiment, experiment, experiment, other))
        with storage.write() as tx:
            tx.datasets.log_inputs(one, [used("iris", context="train"), used("cars")], [])
            tx.datasets.log_inputs(two, [used("iris", context="test"), used("iris", "d2", context="train")], [])
            tx.datasets.log_inputs(deleted, [used("secret"), used("iris", context="gone")], [])
            tx.datasets.log_inputs(elsewhere, [used("iris", context="train")], [])
            tx.runs.set_stage(deleted, LifecycleStage.DELETED, NOW_MS)
        with storage.read() as tx:
            found = tx.datasets.summaries([experiment], 100)
            everywhere = tx.datasets.summaries([experiment, other, "987654"], 100)
            cut = tx.datasets.summaries([experiment], 2)

        def summary(name: str, digest: str, context: str | None) -> DatasetSummary:
            return DatasetSummary(experiment_id=experiment, name=name, digest=digest, context=context)

        assert found == [
            summary("cars", "d1", None),
            summary("iris", "d1", "test"),
            summary("iris", "d1", "train"),
            summary("iris", "d2", "train"),
        ]
        assert len(everywhere) == 5
        assert cut == found[:2]
