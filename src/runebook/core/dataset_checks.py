"""The rules for what runs read and wrote, each with the error that says how to keep it."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.core import checks, limits
from runebook.core.datasets import Dataset, DatasetInput, ModelInput, ModelOutput


def check_inputs(datasets: Sequence[DatasetInput], models: Sequence[ModelInput], prefix: str = "") -> None:
    checks.check_list_length(datasets, f"{prefix}datasets", at_most=limits.MAX_DATASETS_PER_REQUEST)
    checks.check_list_length(models, f"{prefix}models", at_most=limits.MAX_DATASETS_PER_REQUEST)
    for number, dataset_input in enumerate(datasets):
        _check_input(dataset_input, f"{prefix}datasets[{number}]")
    for number, model in enumerate(models):
        path = f"{prefix}models[{number}].model_id"
        checks.check_text(model.model_id, path, max_length=limits.MAX_KEY_LENGTH, required=True)


def _check_input(dataset_input: DatasetInput, path: str) -> None:
    _check_dataset(dataset_input.dataset, f"{path}.dataset")
    for number, tag in enumerate(dataset_input.tags):
        where = f"{path}.tags[{number}]"
        checks.check_text(tag.key, f"{where}.key", max_length=limits.MAX_INPUT_TAG_KEY_LENGTH, required=True)
        checks.check_text(tag.value, f"{where}.value", max_length=limits.MAX_INPUT_TAG_VALUE_LENGTH)


def _check_dataset(dataset: Dataset, path: str) -> None:
    for name, text, max_length, required in (
        ("name", dataset.name, limits.MAX_DATASET_NAME_LENGTH, True),
        ("digest", dataset.digest, limits.MAX_DATASET_DIGEST_LENGTH, True),
        ("source_type", dataset.source_type, limits.MAX_DATASET_SOURCE_TYPE_LENGTH, True),
        ("source", dataset.source, limits.MAX_DATASET_SOURCE_LENGTH, True),
        ("schema", dataset.schema, limits.MAX_DATASET_SCHEMA_LENGTH, False),
        ("profile", dataset.profile, limits.MAX_DATASET_PROFILE_LENGTH, False),
    ):
        if text is not None:
            checks.check_text(text, f"{path}.{name}", max_length=max_length, required=required)


def check_outputs(models: Sequence[ModelOutput], name: str) -> None:
    checks.check_list_length(models, name, at_most=limits.MAX_DATASETS_PER_REQUEST)
    for number, model in enumerate(models):
        path = f"{name}[{number}]"
        checks.check_text(model.model_id, f"{path}.model_id", max_length=limits.MAX_KEY_LENGTH, required=True)
        checks.check_int64(model.step, f"{path}.step")
