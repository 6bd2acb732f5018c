"""Logged models: a folder each in the experiment's `models`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

from runebook.core.errors import AlreadyExists, InvalidParameterValue, NotFound
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import ExperimentId, ModelId
from runebook.core.logged_models import LoggedModel, LoggedModelData, LoggedModelInfo, LoggedModelStatus
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.tags import Tag
from runebook.search.evaluate import DatasetFacts, MetricFacts, matches
from runebook.search.fields import field_key
from runebook.search.order_by import total_order
from runebook.search.page_tokens import page_of, query_digest
from runebook.search.parser import parse_filter
from runebook.search.tree import comparisons
from runebook.search.vocabulary import LOGGED_MODELS, OrderKey
from runebook.storage.base import LoggedModelOrder, LoggedModelQuery, Page
from runebook.storage.files import keyed, metrics, series
from runebook.storage.files.layout import MODEL_FOLDERS, check_model_id, models_folder, no_model
from runebook.storage.files.series import Sample
from runebook.storage.files.view import View, known
from runebook.storage.files.yaml_files import Malformed, Meta, optional_text, text_of


class LoggedModelFiles:
    """The LoggedModelStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def create(self, info: LoggedModelInfo, params: Sequence[Param]) -> None:
        experiment = self._view.experiment(info.experiment_id)
        folder = f"{models_folder(experiment)}/{check_model_id(info.model_id)}"
        if self._view.has_model(info.model_id):
            raise AlreadyExists(f"Logged model with ID '{info.model_id}' already exists.")
        for name in MODEL_FOLDERS:
            self._view.files.make_folder(f"{folder}/{name}")
        self._add_params(folder, params, info.model_id)
        for tag in info.tags:
            keyed.write(self._view.files, folder, "tags", tag.key, tag.value)
        self._view.write_meta(
            folder,
            {
                "artifact_location": info.artifact_uri,
                "creation_timestamp": info.creation_timestamp_ms,
                "experiment_id": str(info.experiment_id),
                "last_updated_timestamp": info.last_updated_timestamp_ms,
                "lifecycle_stage": LifecycleStage.ACTIVE.value,
                "model_id": str(info.model_id),
                "model_type": info.model_type,
                "name": info.name,
                "source_run_id": info.source_run_id,
                "status": info.status.number,
                "status_message": info.status_message,
            },
        )

    def get(self, model_id: str, *, allow_deleted: bool = False) -> LoggedModel:
        folder, meta = self._found(model_id, allow_deleted=allow_deleted)
        try:
            return _model(self._view, folder, meta)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise Malformed(f"{folder}/meta.yaml is malformed: {error!r}") from error

    def existing(self, model_ids: Iterable[str]) -> set[str]:
        found = set()
        for model_id in model_ids:
            with contextlib.suppress(NotFound):
                self._found(model_id)
                found.add(model_id)
        return found

    def set_status(self, model_id: str, status: LoggedModelStatus, now_ms: int) -> None:
        """As MLflow does it, the stage goes when a status comes; without a stage a model is active."""
        folder, meta = self._found(model_id)
        meta.pop("lifecycle_stage", None)
        self._view.write_meta(folder, meta | {"status": status.number, "last_updated_timestamp": now_ms})

    def delete(self, model_id: str, now_ms: int) -> None:
        _, meta = self._found(model_id, allow_deleted=True)
        if not _is_deleted(meta):
            deleted = LifecycleStage.DELETED.value
            self._update(model_id, {"lifecycle_stage": deleted, "last_updated_timestamp": now_ms})

    def set_tags(self, model_id: str, tags: Sequence[Tag], now_ms: int) -> None:
        folder, _ = self._found(model_id)
        for tag in tags:
            keyed.write(self._view.files, folder, "tags", tag.key, tag.value)
        self._update(model_id, {"last_updated_timestamp": now_ms})

    def delete_tag(self, model_id: str, key: str, now_ms: int) -> None:
        folder, _ = self._found(model_id)
        if not keyed.delete(self._view.files, folder, "tags", key):
            raise NotFound(f"No tag with key '{key}' found for model with ID '{model_id}'.")
        self._update(model_id, {"last_updated_timestamp": now_ms})

    def log_params(self, model_id: str, params: Sequence[Param], now_ms: int) -> None:
        folder, _ = self._found(model_id)
        self._add_params(folder, params, model_id)
        self._update(model_id, {"last_updated_timestamp": now_ms})

    def search(self, experiment_ids: Sequence[str], query: LoggedModelQuery) -> Page[LoggedModel]:
        tree = parse_filter(query.filter, LOGGED_MODELS)
        order = total_order([_order_key(each) for each in query.order_by], LOGGED_MODELS)
        about_metrics = any(each.key.entity == "metric" for each in comparisons(tree))
        rows = []
        chosen = sorted(set(experiment_ids))
        for model in self._in_experiments(chosen):
            row = _Row(model, query.datasets)
            if matches(tree, row) and (about_metrics or row.has_dataset()):
                rows.append(_Row(model, ()))
        digest = query_digest("logged_models", query.filter, order, chosen, list(query.datasets))
        page, token = page_of(rows, order, LOGGED_MODELS, query.max_results, query.page_token or None, digest)
        return Page([row.model for row in page], token)

    def _add_params(self, folder: str, params: Sequence[Param], model_id: str) -> None:
        conflicts = keyed.add_params(self._view.files, folder, params)
        if conflicts:
            param, value = conflicts[0]
            raise InvalidParameterValue(
                f"Changing param values is not allowed. Param with key='{param.key}' was already logged with"
                f" value='{value}' for model ID='{model_id}'. Attempted logging new value '{param.value}'."
            )

    def _in_experiments(self, experiment_ids: Sequence[str]) -> Iterator[LoggedModel]:
        """Every active model of some experiments that can be read; one that cannot is logged."""
        for experiment_id in experiment_ids:
            experiment = self._view.find_experiment(experiment_id)
            for folder in self._view.models(experiment) if experiment else ():
                meta = known(self._view, folder)
                if meta is None or _is_deleted(meta):
                    continue
                try:
                    yield _model(self._view, folder, meta)
                except (KeyError, ValueError, TypeError, IndexError) as error:
                    self._view.report(folder, error)

    def _found(self, model_id: str, *, allow_deleted: bool = False) -> tuple[str, Meta]:
        """Raises NotFound: there is none, or it is deleted and that was not allowed; Malformed."""
        folder = self._view.model(model_id)
        meta = self._view.meta(folder)
        if meta is None or (_is_deleted(meta) and not allow_deleted):
            raise no_model(model_id)
        return folder, meta

    def _update(self, model_id: str, changed: Meta) -> None:
        folder, meta = self._found(model_id)
        self._view.write_meta(folder, meta | changed)


class _Row:
    """A logged model as filters and orders ask it; with datasets, only metrics measured on one of them count."""

    def __init__(self, model: LoggedModel, datasets: Sequence[tuple[str, str | None]]) -> None:
        self.model = model
        self._datasets = datasets
        self._params = {param.key: param.value for param in model.data.params}
        self._tags = {tag.key: tag.value for tag in model.info.tags}

    def has_dataset(self) -> bool:
        """Whether any metric counts, or no dataset is asked for."""
        return not self._datasets or any(self._counts(metric, self._datasets) for metric in self.model.data.metrics)

    def attribute(self, name: str) -> str | int | None:
        info = self.model.info
        if name == "status":
            return info.status.name
        if name == "experiment_id":
            return int(info.experiment_id)
        if name == "artifact_location":
            return info.artifact_uri
        if name == "lifecycle_stage":
            return LifecycleStage.ACTIVE.value
        value: str | int | None = getattr(info, name)
        return value

    def metric(
        self, key: str, dataset_name: str | None = None, dataset_digest: str | None = None
    ) -> MetricFacts | None:
        datasets = self._datasets if dataset_name is None else [(dataset_name, dataset_digest)]
        found = [
            Sample(metric.timestamp, metric.value, metric.step)
            for metric in self.model.data.metrics
            if metric.key == key and self._counts(metric, datasets)
        ]
        if not found:
            return None
        known = series.summary(key, found)
        observed = tuple(sample.value for sample in found)
        return MetricFacts(known.last, known.min, known.max, known.first, known.count, observed)

    def param(self, key: str) -> str | None:
        return self._params.get(key)

    def tag(self, key: str) -> str | None:
        return self._tags.get(key)

    def datasets(self) -> Sequence[DatasetFacts]:
        return ()

    @staticmethod
    def _counts(metric: Metric, datasets: Sequence[tuple[str, str | None]]) -> bool:
        return not datasets or any(
            metric.dataset_name == name and digest in (None, metric.dataset_digest) for name, digest in datasets
        )


def _order_key(order: LoggedModelOrder) -> OrderKey:
    key = field_key(order.field_name, LOGGED_MODELS)
    return OrderKey(key, order.ascending, order.dataset_name, order.dataset_digest)


def _is_deleted(meta: Meta) -> bool:
    return bool(meta.get("lifecycle_stage") == LifecycleStage.DELETED.value)


def _model(view: View, folder: str, meta: Meta) -> LoggedModel:
    """Raises KeyError, ValueError, TypeError or IndexError for what is no logged model."""
    model_id = folder.rpartition("/")[2]
    tags = keyed.read_all(view.files, folder, "tags")
    params = keyed.read_all(view.files, folder, "params")
    info = LoggedModelInfo(
        model_id=ModelId(model_id),
        experiment_id=ExperimentId(folder.split("/")[-3]),
        name=text_of(meta, "name", ""),
        creation_timestamp_ms=int(meta["creation_timestamp"]),
        last_updated_timestamp_ms=int(meta["last_updated_timestamp"]),
        artifact_uri=text_of(meta, "artifact_location", ""),
        status=LoggedModelStatus.from_number(int(meta["status"])),
        model_type=optional_text(meta, "model_type"),
        source_run_id=optional_text(meta, "source_run_id"),
        status_message=optional_text(meta, "status_message"),
        tags=[Tag(key=key, value=value) for key, value in tags.items()],
    )
    data = LoggedModelData(
        params=[Param(key=key, value=value) for key, value in params.items()],
        metrics=[
            _metric(key, model_id, sample)
            for key, samples in metrics.of_model(view, folder).items()
            for sample in sorted(samples, key=series.by_step)
        ],
    )
    return LoggedModel(info=info, data=data)


def _metric(key: str, model_id: str, sample: Sample) -> Metric:
    return Metric(
        key=key,
        value=sample.value,
        timestamp=sample.time,
        step=sample.step,
        model_id=model_id,
        dataset_name=sample.dataset_name,
        dataset_digest=sample.dataset_digest,
        run_id=sample.run_id,
    )
