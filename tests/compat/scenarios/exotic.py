"""Values at the edges, written by one client and read by another."""

from __future__ import annotations

import math
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from recorder import Recorder

VALUES = {
    "nan": math.nan,
    "inf": math.inf,
    "minus inf": -math.inf,
    "smallest": 5e-324,
    "largest": 1.7976931348623157e308,
    "third": 1 / 3,
}
STEPS = (-(2**63), -(2**53) - 1, -1, 0, 2**53 + 1, 2**63 - 1)
TEXTS = {
    "k" * 250: "key of 250",
    "ключ/鍵/κλειδί": "значение 値 τιμή",
    "with spaces - and.dots:colons_": "v",
    "emoji value": "🧪🔬",
    "quotes": 'it\'s "quoted" `so` \\ back',
    "control": "tab\tline\nreturn\r",
    "markup": "<script>&amp;</script>",
    "json": '{"a": [1, null]}',
    "spaces": "  around  ",
    "number": "1e400",
}


def write(record: Recorder, client: Any, prefix: str) -> None:
    experiment = record.create_experiment("create for exotic", client.create_experiment, f"{prefix}/exotic")
    run_id = client.create_run(experiment, start_time=1000, run_name="exotic ✓ name").info.run_id
    for key, value in VALUES.items():
        record.ask(f"write {key}", client.log_metric, run_id, key, value, timestamp=100, step=7)
    record.ask("write inf later", client.log_metric, run_id, "mixed", math.inf, timestamp=100, step=1)
    record.ask("write nan later", client.log_metric, run_id, "mixed", math.nan, timestamp=200, step=2)
    record.ask("write number later", client.log_metric, run_id, "mixed", 1.5, timestamp=300, step=3)
    steps = [Metric("steps", float(index), 2**62, step) for index, step in enumerate(STEPS)]
    record.ask("write steps", client.log_batch, run_id, steps)
    for index, (key, value) in enumerate(TEXTS.items()):
        record.ask(f"write metric {index}", client.log_metric, run_id, key, float(index), timestamp=1, step=0)
        record.ask(f"write param {index}", client.log_param, run_id, key, value)
        record.ask(f"write tag {index}", client.set_tag, run_id, key, value)
    batch = [Param(f"batched {key}"[:250], value) for key, value in TEXTS.items()]
    tags = [RunTag(f"batched {key}"[:250], value) for key, value in TEXTS.items()]
    record.ask("write texts in a batch", client.log_batch, run_id, params=batch, tags=tags)
    _read(record, client, run_id)


def read(record: Recorder, client: Any, prefix: str) -> None:
    """Read what the conversation called `prefix` wrote."""
    experiment = client.get_experiment_by_name(f"{prefix}/exotic")
    record.placeholders.experiment(experiment.experiment_id, f"{prefix}/exotic")
    _read(record, client, client.search_runs([experiment.experiment_id])[0].info.run_id)


def _read(record: Recorder, client: Any, run_id: str) -> None:
    data = client.get_run(run_id).data
    record.ask("read run", client.get_run, run_id)
    for key in ("nan", "inf", "minus inf", "smallest", "largest", "mixed", "steps", "k" * 250, "ключ/鍵/κλειδί"):
        record.ask(f"read history of {key}", client.get_metric_history, run_id, key)
    for index, (key, value) in enumerate(TEXTS.items()):
        kept = data.params[key] == value and data.tags[key] == value and data.metrics[key] == float(index)
        batched = data.params[f"batched {key}"[:250]] == value and data.tags[f"batched {key}"[:250]] == value
        record.note(f"text {index} is kept", {"one by one": kept, "in a batch": batched})
