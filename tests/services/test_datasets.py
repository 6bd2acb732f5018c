from __future__ import annotations

import pytest

from runebook.api.datasets import LogInputs, LogOutputs
from runebook.api.metrics import LogMetric
from runebook.api.runs import CreateRun, GetRun
from runebook.core.datasets import Dataset, DatasetInput, ModelOutput
from runebook.core.errors import InvalidParameterValue
from runebook.core.ids import ExperimentId, ModelId
from runebook.services.dispatch import Services


def test_an_output_at_a_second_step_is_refused_and_changes_nothing(services: Services) -> None:
    run_id = services.call(CreateRun(experiment_id=ExperimentId("0"))).run.info.run_id
    first = ModelOutput(model_id=ModelId("m-1"), step=1)
    services.call(LogOutputs(run_id=run_id, models=[first]))
    services.call(LogOutputs(run_id=run_id, models=[first]))

    with pytest.raises(InvalidParameterValue, match="at step 1 already"):
        services.call(
            LogOutputs(
                run_id=run_id,
                models=[ModelOutput(model_id=ModelId("m-2")), ModelOutput(model_id=ModelId("m-1"), step=2)],
            )
        )
    assert services.call(GetRun(run_id=run_id)).run.outputs.model_outputs == [first]


@pytest.mark.parametrize("field", ["name", "digest", "source_type", "source"])
def test_a_dataset_without_a_required_text_is_refused(services: Services, field: str) -> None:
    run_id = services.call(CreateRun(experiment_id=ExperimentId("0"))).run.info.run_id
    texts = {"name": "iris", "digest": "d", "source_type": "local", "source": "{}"} | {field: ""}
    with pytest.raises(InvalidParameterValue, match=rf"datasets\[0\]\.dataset\.{field}"):
        services.call(LogInputs(run_id=run_id, datasets=[DatasetInput(dataset=Dataset(**texts))]))


def test_half_a_dataset_on_a_metric_is_refused(services: Services) -> None:
    run_id = services.call(CreateRun(experiment_id=ExperimentId("0"))).run.info.run_id
    with pytest.raises(InvalidParameterValue, match="'dataset_digest'"):
        services.call(LogMetric(run_id=run_id, key="acc", value=1.0, timestamp=0, dataset_name="iris"))
