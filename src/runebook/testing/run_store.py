"""The contract of `RunStore`."""

from __future__ import annotations

import math

import pytest
from msgspec import structs

from runebook.core.datasets import ModelInput, ModelOutput
from runebook.core.errors import AlreadyExists, InvalidParameterValue, NotFound
from runebook.core.experiments import LifecycleStage, ViewType
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import Tag
from runebook.storage.base import Storage
from runebook.testing.backend import Backend
from runebook.testing.records import (
    NOW_MS,
    add_experiment,
    add_model,
    add_run,
    everything,
    log,
    log_params,
    metric,
    new_run,
    used,
)


class RunStoreContract:
    def test_a_run_is_read_as_it_was_made(self, backend: Backend) -> None:
        storage = backend.storage
        experiment_id = add_experiment(storage)
        run_id = add_run(storage, experiment_id, run_name="наука 😀", start_time=5, tags=[Tag(key="k", value="v")])

        again = backend.open_again()
        with again.read() as tx:
            run = tx.runs.get(run_id)
            info = tx.runs.get_info(run_id)
        if again is not storage:
            again.close()

        assert run.info == info
        assert (info.run_id, info.run_uuid, info.experiment_id) == (run_id, run_id, experiment_id)
        assert (info.run_name, info.user_id, info.status) == ("наука 😀", "ada", RunStatus.RUNNING)
        assert (info.start_time, info.end_time, info.lifecycle_stage) == (5, None, LifecycleStage.ACTIVE)
        assert info.artifact_uri.endswith(f"/{experiment_id}/{run_id}/artifacts")
        assert run.data.tags == [Tag(key="k", value="v")]
        assert (run.data.metrics, run.data.params) == ([], [])
        assert (run.inputs.dataset_inputs, run.inputs.model_inputs, run.outputs.model_outputs) == ([], [], [])

    def test_many_runs_are_made_at_once_or_none(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage)
        runs = [new_run(place, tags=[Tag(key="n", value=str(n))]) for n, place in enumerate(["0", experiment_id, "0"])]
        with storage.write() as tx:
            tx.runs.create(runs)
        with storage.read() as tx:
            found = [tx.runs.get(run.run_id) for run in runs]

        assert [run.info.experiment_id for run in found] == ["0", experiment_id, "0"]
        assert [run.data.tags for run in found] == [list(run.tags) for run in runs]

        fresh = new_run()
        with pytest.raises(AlreadyExists, match=runs[1].run_id), storage.write() as tx:
            tx.runs.create([fresh, runs[1]])
        with pytest.raises(NotFound), storage.read() as tx:
            tx.runs.get_info(fresh.run_id)

    def test_runs_that_are_locked_together_are_those_that_exist(self, storage: Storage) -> None:
        kept, deleted = add_run(storage), add_run(storage)
        with storage.write() as tx:
            tx.runs.set_stage(deleted, LifecycleStage.DELETED, NOW_MS)
        with storage.write() as tx:
            infos = tx.runs.locked([deleted, "f" * 32, kept, kept], ["some key", "another key"])
            assert tx.runs.locked([]) == {}
        with storage.read() as tx:
            assert infos == {run_id: tx.runs.get_info(run_id) for run_id in (kept, deleted)}

    def test_name_status_and_end_of_many_runs_are_saved_and_nothing_else(self, storage: Storage) -> None:
        runs = [add_run(storage) for _ in range(10)]
        with storage.write() as tx:
            tx.runs.update(runs[0], end_time=77)
            infos = tx.runs.locked(runs)
            changed = {
                run_id: structs.replace(
                    info,
                    run_name=f"name {number}",
                    status=RunStatus.KILLED if number % 2 else RunStatus.RUNNING,
                    end_time=number if number % 2 else None,
                )
                for number, (run_id, info) in enumerate(sorted(infos.items()))
                if number < 9
            }
            tx.runs.save([structs.replace(info, user_id="nobody", start_time=0) for info in changed.values()])
        with storage.read() as tx:
            assert {run_id: tx.runs.get_info(run_id) for run_id in runs} == infos | changed

    def test_a_run_holds_all_that_it_logged_in_the_order_of_keys(self, storage: Storage) -> None:
        run_id, model_id = add_run(storage), add_model(storage)
        log(storage, run_id, [metric("b", 1.0, 1), metric("b", 2.0, 2, time=7), metric("a", math.inf)])
        log_params(storage, run_id, [Param(key="z", value="1"), Param(key="Z", value="2")])
        with storage.write() as tx:
            tx.datasets.log_inputs(run_id, [used("train", context="training")], [ModelInput(model_id=model_id)])
            tx.datasets.log_outputs(run_id, [ModelOutput(model_id=model_id, step=3)])
        with storage.read() as tx:
            run = tx.runs.get(run_id)
            found = tx.runs.search(["0"], everything()).items

        assert run.data.metrics == [metric("a", math.inf), metric("b", 2.0, 2, time=7)]
        assert run.data.params == [Param(key="Z", value="2"), Param(key="z", value="1")]
        assert run.inputs.dataset_inputs == [used("train", context="training")]
        assert run.inputs.model_inputs == [ModelInput(model_id=model_id)]
        assert run.outputs.model_outputs == [ModelOutput(model_id=model_id, step=3)]
        assert found == [run]

    def test_a_taken_id_is_refused(self, storage: Storage) -> None:
        run_id = add_run(storage)
        with pytest.raises(AlreadyExists):
            add_run(storage, run_id=run_id)

    def test_an_unknown_experiment_is_not_found(self, storage: Storage) -> None:
        with pytest.raises(NotFound, match="No Experiment with id=987654 exists"):
            add_run(storage, "987654")

    @pytest.mark.parametrize("run_id", ["0" * 32, "nobody", "x" * 256])
    def test_an_unknown_run_is_not_found(self, storage: Storage, run_id: str) -> None:
        with storage.read() as tx:
            for read in (tx.runs.get, tx.runs.get_info):
                with pytest.raises(NotFound, match=f"Run with id={run_id} not found"):
                    read(run_id)
        with pytest.raises(NotFound), storage.write() as tx:
            tx.runs.update(run_id, run_name="new")
        with pytest.raises(NotFound), storage.write() as tx:
            tx.runs.set_stage(run_id, LifecycleStage.DELETED, NOW_MS)

    @pytest.mark.parametrize("status", list(RunStatus))
    def test_an_update_changes_what_is_given_alone(self, storage: Storage, status: RunStatus) -> None:
        run_id = add_run(storage, run_name="before")
        with storage.write() as tx:
            tx.runs.update(run_id, status=status, end_time=99)
            tx.runs.update(run_id)
        with storage.read() as tx:
            info = tx.runs.get_info(run_id)
        assert (info.status, info.end_time, info.run_name) == (status, 99, "before")

        with storage.write() as tx:
            tx.runs.update(run_id, run_name="after")
        with storage.read() as tx:
            info = tx.runs.get_info(run_id)
        assert (info.status, info.end_time, info.run_name) == (status, 99, "after")

    def test_a_run_goes_to_the_trash_and_back(self, storage: Storage) -> None:
        run_id = add_run(storage)
        for stage in (LifecycleStage.DELETED, LifecycleStage.DELETED, LifecycleStage.ACTIVE, LifecycleStage.ACTIVE):
            with storage.write() as tx:
                tx.runs.set_stage(run_id, stage, NOW_MS)
            with storage.read() as tx:
                assert tx.runs.get_info(run_id).lifecycle_stage is stage

    def test_a_search_shows_one_view_of_the_given_experiments(self, storage: Storage) -> None:
        one, other = add_experiment(storage), add_experiment(storage)
        active, deleted, elsewhere = add_run(storage, one), add_run(storage, one), add_run(storage, other)
        with storage.write() as tx:
            tx.runs.set_stage(deleted, LifecycleStage.DELETED, NOW_MS)

        def found(experiment_ids: list[str], view: ViewType) -> set[str]:
            with storage.read() as tx:
                page = tx.runs.search(experiment_ids, everything()._replace(view=view))
            return {run.info.run_id for run in page.items}

        assert found([one], ViewType.ACTIVE_ONLY) == {active}
        assert found([one], ViewType.DELETED_ONLY) == {deleted}
        assert found([one, other], ViewType.ALL) == {active, deleted, elsewhere}
        assert found([], ViewType.ALL) == set()
        assert found(["987654"], ViewType.ALL) == set()

    def test_pages_join_to_the_whole_newest_first(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage)
        made = [add_run(storage, experiment_id, start_time=1000 + place // 2) for place in range(7)]
        wanted = [run for _, run in sorted(enumerate(made), key=lambda pair: (-(pair[0] // 2), pair[1]))]
        found, token, sizes = [], None, []
        with storage.read() as tx:
            while True:
                page = tx.runs.search([experiment_id], everything(3, token))
                found += [run.info.run_id for run in page.items]
                sizes.append(len(page.items))
                token = page.next_token
                if token is None:
                    break

        assert found == wanted
        assert sizes == [3, 3, 1]

    def test_a_search_filters_and_orders(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage)
        runs = {}
        for name, loss, rate in (("a", 0.3, "0.1"), ("b", 0.1, "0.01"), ("c", math.nan, "0.1"), ("d", 0.2, "0.1")):
            runs[name] = add_run(storage, experiment_id, run_name=name)
            log(storage, runs[name], [metric("loss", 9.0, 0), metric("loss", loss, 1)])
            log_params(storage, runs[name], [Param(key="rate", value=rate)])
        query = everything()._replace(filter="params.rate = '0.1'", order_by=["metrics.loss ASC"])
        with storage.read() as tx:
            found = [run.info.run_name for run in tx.runs.search([experiment_id], query).items]
            below = everything()._replace(filter="metrics.loss < 0.25", order_by=["run_name"])
            low = [run.info.run_name for run in tx.runs.search([experiment_id], below).items]

        assert found == ["d", "a", "c"]
        assert low == ["b", "d"]

    def test_a_damaged_page_token_is_refused(self, storage: Storage) -> None:
        with storage.read() as tx, pytest.raises(InvalidParameterValue, match="page token"):
            tx.runs.search(["0"], everything(1, "%%%"))
