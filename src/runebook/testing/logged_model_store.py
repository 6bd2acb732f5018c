"""The contract of `LoggedModelStore`."""

from __future__ import annotations

import math

import msgspec
import pytest

from runebook.core.errors import InvalidParameterValue, NotFound
from runebook.core.logged_models import LoggedModelStatus
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.tags import Tag
from runebook.storage.base import LoggedModelOrder, LoggedModelQuery, Storage
from runebook.testing.records import NOW_MS, add_experiment, add_model, add_run, log, model_info

ALL_MODELS = LoggedModelQuery(filter="", order_by=(), datasets=(), max_results=50, page_token=None)


class LoggedModelStoreContract:
    def test_a_model_is_read_as_it_was_made(self, storage: Storage) -> None:
        run_id, experiment_id = add_run(storage), add_experiment(storage)
        info = msgspec.structs.replace(
            model_info(experiment_id=experiment_id, name="netz"),
            model_type="classifier",
            source_run_id=run_id,
            tags=[Tag(key="Team", value="a"), Tag(key="team", value="b ")],
        )
        params = [Param(key="depth", value="3"), Param(key="rate", value="0.1")]
        with storage.write() as tx:
            tx.logged_models.create(info, params)
        with storage.read() as tx:
            model = tx.logged_models.get(info.model_id)

        assert model.info == info
        assert (model.data.params, model.data.metrics) == (params, [])

    def test_an_unknown_experiment_or_model_is_not_found(self, storage: Storage) -> None:
        with pytest.raises(NotFound):
            add_model(storage, experiment_id="987654")
        with storage.read() as tx, pytest.raises(NotFound, match="m-nobody"):
            tx.logged_models.get("m-nobody")
        with pytest.raises(NotFound), storage.write() as tx:
            tx.logged_models.set_tags("m-nobody", [Tag(key="a", value="b")], NOW_MS)
        with pytest.raises(NotFound), storage.write() as tx:
            tx.logged_models.delete("m-nobody", NOW_MS)

    @pytest.mark.parametrize("status", list(LoggedModelStatus))
    def test_its_status_changes(self, storage: Storage, status: LoggedModelStatus) -> None:
        model_id = add_model(storage)
        with storage.write() as tx:
            tx.logged_models.set_status(model_id, status, NOW_MS + 9)
        with storage.read() as tx:
            info = tx.logged_models.get(model_id).info

        assert (info.status, info.last_updated_timestamp_ms, info.creation_timestamp_ms) == (status, NOW_MS + 9, NOW_MS)

    def test_a_deleted_model_is_shown_only_when_asked_for(self, storage: Storage) -> None:
        model_id = add_model(storage)
        for _ in range(2):
            with storage.write() as tx:
                tx.logged_models.delete(model_id, NOW_MS)
        with storage.read() as tx:
            with pytest.raises(NotFound):
                tx.logged_models.get(model_id)
            assert tx.logged_models.get(model_id, allow_deleted=True).info.model_id == model_id
            assert tx.logged_models.search(["0"], ALL_MODELS).items == []
        with pytest.raises(NotFound), storage.write() as tx:
            tx.logged_models.set_status(model_id, LoggedModelStatus.READY, NOW_MS)

    def test_tags_are_set_overwritten_and_deleted(self, storage: Storage) -> None:
        model_id = add_model(storage)
        with storage.write() as tx:
            tx.logged_models.set_tags(model_id, [Tag(key="a", value="1"), Tag(key="b", value="1")], NOW_MS)
            tx.logged_models.set_tags(model_id, [Tag(key="a", value="2")], NOW_MS)
            tx.logged_models.delete_tag(model_id, "b", NOW_MS)
        with storage.read() as tx:
            assert tx.logged_models.get(model_id).info.tags == [Tag(key="a", value="2")]
        with pytest.raises(NotFound), storage.write() as tx:
            tx.logged_models.delete_tag(model_id, "b", NOW_MS)

    def test_a_param_is_written_once(self, storage: Storage) -> None:
        model_id = add_model(storage)
        for _ in range(2):
            with storage.write() as tx:
                tx.logged_models.log_params(model_id, [Param(key="depth", value="3")], NOW_MS)
        with pytest.raises(InvalidParameterValue, match="depth"), storage.write() as tx:
            tx.logged_models.log_params(model_id, [Param(key="new", value="x"), Param(key="depth", value="4")], NOW_MS)
        with storage.read() as tx:
            assert tx.logged_models.get(model_id).data.params == [Param(key="depth", value="3")]

    def test_metrics_keep_their_run_and_dataset_and_equal_ones_are_one(self, storage: Storage) -> None:
        run_id, model_id = add_run(storage), add_model(storage)
        points = [
            Metric(key="auc", value=0.5, timestamp=1, step=1, model_id=model_id),
            Metric(
                key="auc", value=-math.inf, timestamp=1, step=2, model_id=model_id, dataset_name="d", dataset_digest="x"
            ),
        ]
        for _ in range(2):
            log(storage, run_id, points)
        with storage.read() as tx:
            found = tx.logged_models.get(model_id).data.metrics

        assert found == [msgspec.structs.replace(point, run_id=run_id) for point in points]

    def test_a_search_filters_orders_and_pages(self, storage: Storage) -> None:
        experiment_id = add_experiment(storage)
        run_id = add_run(storage, experiment_id)
        made = {}
        for place, auc in enumerate((0.5, 0.9, math.nan, 0.7)):
            model_id = add_model(storage, experiment_id=experiment_id, name=f"n{place}")
            made[f"n{place}"] = model_id
            log(
                storage,
                run_id,
                [
                    Metric(
                        key="auc",
                        value=auc,
                        timestamp=1,
                        model_id=model_id,
                        dataset_name="d",
                        dataset_digest=str(place % 2),
                    )
                ],
            )
        add_model(storage, name="elsewhere")
        best_first = LoggedModelOrder("metrics.auc", ascending=False, dataset_name=None, dataset_digest=None)

        def names(query: LoggedModelQuery) -> list[str]:
            with storage.read() as tx:
                found, token = [], query.page_token
                while True:
                    page = tx.logged_models.search([experiment_id], query._replace(page_token=token))
                    found += [model.info.name for model in page.items]
                    token = page.next_token
                    if token is None:
                        return found

        assert names(ALL_MODELS._replace(order_by=[best_first], max_results=1)) == ["n1", "n3", "n0", "n2"]
        assert names(ALL_MODELS._replace(filter="metrics.auc > 0.6", order_by=[best_first])) == ["n1", "n3"]
        assert sorted(names(ALL_MODELS._replace(datasets=[("d", "0")]))) == ["n0", "n2"]
        assert sorted(names(ALL_MODELS._replace(datasets=[("d", None)]))) == ["n0", "n1", "n2", "n3"]
        assert names(ALL_MODELS._replace(filter="name = 'n2'")) == ["n2"]
