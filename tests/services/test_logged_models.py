from __future__ import annotations

import json
import threading

import pytest

from runebook.api.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    FinalizeLoggedModel,
    GetLoggedModel,
    LogLoggedModelParams,
    LogModel,
    SearchLoggedModels,
)
from runebook.api.runs import CreateRun, GetRun, LogBatch
from runebook.core.errors import InvalidParameterValue, NotFound
from runebook.core.ids import ExperimentId, ModelId
from runebook.core.logged_models import LoggedModelStatus
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.tags import LOG_MODEL_HISTORY
from runebook.services.dispatch import Services

DEFAULT = ExperimentId("0")


def test_a_model_goes_from_pending_to_ready_with_its_metrics(services: Services) -> None:
    run_id = services.call(CreateRun(experiment_id=DEFAULT)).run.info.run_id
    model = services.call(CreateLoggedModel(experiment_id=DEFAULT, name="net", source_run_id=run_id)).model
    assert model.info.status is LoggedModelStatus.PENDING
    assert model.info.artifact_uri == f"mlflow-artifacts:/0/models/{model.info.model_id}/artifacts"

    services.call(
        LogBatch(run_id=run_id, metrics=[Metric(key="acc", value=0.9, timestamp=1, model_id=model.info.model_id)])
    )
    services.call(FinalizeLoggedModel(model_id=model.info.model_id, status=LoggedModelStatus.READY))

    found = services.call(SearchLoggedModels(experiment_ids=[DEFAULT], filter="metrics.acc > 0.8")).models
    assert [(m.info.status, m.data.metrics[0].value) for m in found] == [(LoggedModelStatus.READY, 0.9)]


def test_params_of_a_model_are_written_once(services: Services) -> None:
    model_id = services.call(CreateLoggedModel(experiment_id=DEFAULT)).model.info.model_id
    services.call(LogLoggedModelParams(model_id=model_id, params=[Param(key="k", value="1")]))
    services.call(LogLoggedModelParams(model_id=model_id, params=[Param(key="k", value="1")]))
    with pytest.raises(InvalidParameterValue, match="'k'"):
        services.call(LogLoggedModelParams(model_id=model_id, params=[Param(key="k", value="2")]))


def test_a_deleted_model_is_shown_only_when_asked_for(services: Services) -> None:
    model_id = services.call(CreateLoggedModel(experiment_id=DEFAULT)).model.info.model_id
    services.call(DeleteLoggedModel(model_id=model_id))
    services.call(DeleteLoggedModel(model_id=model_id))
    with pytest.raises(NotFound):
        services.call(GetLoggedModel(model_id=model_id))
    assert services.call(GetLoggedModel(model_id=model_id, allow_deleted=True)).model.info.model_id == model_id
    assert services.call(SearchLoggedModels(experiment_ids=[DEFAULT])).models == []
    with pytest.raises(NotFound):
        services.call(DeleteLoggedModel(model_id=ModelId("m-none")))


def test_models_noted_by_many_threads_at_once_are_all_kept(services: Services) -> None:
    run_id = services.call(CreateRun(experiment_id=DEFAULT)).run.info.run_id

    def note(number: int) -> None:
        model = {"artifact_path": f"m{number}", "flavors": {}, "utc_time_created": "now", "run_id": run_id}
        services.call(LogModel(run_id=run_id, model_json=json.dumps(model)))

    threads = [threading.Thread(target=note, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    tags = {tag.key: tag.value for tag in services.call(GetRun(run_id=run_id)).run.data.tags}
    paths = {model["artifact_path"] for model in json.loads(tags[LOG_MODEL_HISTORY])}
    assert paths == {f"m{number}" for number in range(16)}


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "{}", '{"artifact_path":"a"}', "[" * 100_000])
def test_a_malformed_model_is_refused(services: Services, text: str) -> None:
    run_id = services.call(CreateRun(experiment_id=DEFAULT)).run.info.run_id
    with pytest.raises(InvalidParameterValue, match="model_json"):
        services.call(LogModel(run_id=run_id, model_json=text))
