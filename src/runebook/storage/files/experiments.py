"""Experiments: a folder each, in the root or in `.trash`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

import msgspec

from runebook.core.decoders import json_decoder
from runebook.core.errors import AlreadyExists, NotFound
from runebook.core.experiments import Experiment, LifecycleStage
from runebook.core.ids import DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME, ExperimentId
from runebook.core.tags import Tag
from runebook.search.evaluate import DatasetFacts, MetricFacts, matches
from runebook.search.order_by import parse_order_by
from runebook.search.page_tokens import page_of, query_digest
from runebook.search.parser import parse_filter
from runebook.search.vocabulary import EXPERIMENTS
from runebook.storage.base import Page, SearchQuery
from runebook.storage.files import keyed, run_folders
from runebook.storage.files.layout import experiment_folder, went_with_experiment
from runebook.storage.files.view import View, known
from runebook.storage.files.yaml_files import Malformed, Meta, optional_int, text_of


class WentWith(msgspec.Struct, frozen=True):
    """The runs that went to the trash with their experiment, good while the experiment was not touched since."""

    last_update_time: int
    run_ids: list[str]


class ExperimentFiles:
    """The ExperimentStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def create(
        self, name: str, artifact_location: str | None, artifact_root: str, tags: Sequence[Tag], now_ms: int
    ) -> ExperimentId:
        self._check_free(name)
        experiment_id = self._new_id()
        self.put(experiment_id, name, artifact_location or f"{artifact_root}/{experiment_id}", now_ms)
        for tag in tags:
            keyed.write(self._view.files, experiment_id, "tags", tag.key, tag.value)
        return experiment_id

    def put(self, experiment_id: ExperimentId, name: str, artifact_location: str, now_ms: int) -> None:
        """Write a new experiment of a known id."""
        self._view.write_meta(
            experiment_id,
            {
                "artifact_location": artifact_location,
                "creation_time": now_ms,
                "effective_trace_archival_retention": None,
                "experiment_id": str(experiment_id),
                "last_update_time": now_ms,
                "lifecycle_stage": LifecycleStage.ACTIVE.value,
                "name": name,
                "trace_location": None,
                "workspace": "default",
            },
        )

    def put_default(self, artifact_root: str, now_ms: int) -> None:
        """Make the default experiment unless it is there, in the trash or not."""
        if self._view.find_experiment(DEFAULT_EXPERIMENT_ID) is None:
            location = f"{artifact_root}/{DEFAULT_EXPERIMENT_ID}"
            self.put(DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME, location, now_ms)

    def get(self, experiment_id: str) -> Experiment:
        folder = self._view.experiment(experiment_id)
        return _experiment(self._view, folder, self._meta(folder, experiment_id))

    def get_by_name(self, name: str) -> Experiment | None:
        for folder, meta in self._all():
            if str(meta.get("name")) == name:
                return _experiment(self._view, folder, meta)
        return None

    def rename(self, experiment_id: str, new_name: str, now_ms: int) -> None:
        folder = self._view.experiment(experiment_id)
        meta = self._meta(folder, experiment_id)
        if str(meta.get("name")) != new_name:
            self._check_free(new_name)
        self._update(folder, meta, now_ms, name=new_name)

    def set_stage(self, experiment_id: str, stage: LifecycleStage, now_ms: int) -> None:
        folder = self._view.experiment(experiment_id)
        if self._view.stage(folder) is stage:
            return
        meta = self._meta(folder, experiment_id)
        trashed = stage is LifecycleStage.DELETED
        if trashed:
            gone = run_folders.trash_active(self._view, folder, now_ms)
            note = WentWith(last_update_time=now_ms, run_ids=gone)
            self._view.files.write(went_with_experiment(folder), msgspec.json.encode(note))
        else:
            run_folders.restore(self._view, folder, self._went_with(folder, meta))
        self._update(folder, meta, now_ms, lifecycle_stage=stage.value)
        self._view.files.move(folder, experiment_folder(experiment_id, trashed=trashed))

    def set_tag(self, experiment_id: str, tag: Tag, now_ms: int) -> None:
        folder = self._view.experiment(experiment_id)
        keyed.write(self._view.files, folder, "tags", tag.key, tag.value)
        self._touch(folder, experiment_id, now_ms)

    def delete_tag(self, experiment_id: str, key: str, now_ms: int) -> None:
        folder = self._view.experiment(experiment_id)
        if not keyed.delete(self._view.files, folder, "tags", key):
            raise NotFound(f"No tag with name: {key} in experiment with id {experiment_id}")
        self._touch(folder, experiment_id, now_ms)

    def search(self, query: SearchQuery) -> Page[Experiment]:
        tree = parse_filter(query.filter, EXPERIMENTS)
        order = parse_order_by(query.order_by, EXPERIMENTS)
        rows = [_Row(self._view, folder, meta) for folder, meta in self._all()]
        rows = [row for row in rows if row.experiment.lifecycle_stage in query.view.stages and matches(tree, row)]
        digest = query_digest("experiments", query.filter, order, query.view)
        page, token = page_of(rows, order, EXPERIMENTS, query.max_results, query.page_token or None, digest)
        return Page([row.experiment for row in page], token)

    def _all(self) -> Iterator[tuple[str, Meta]]:
        """Every experiment that can be read; one that cannot is logged."""
        for folder in self._view.experiments():
            meta = known(self._view, folder)
            if meta is None:
                continue
            try:
                _check(meta)
            except (KeyError, ValueError, TypeError) as error:
                self._view.report(folder, error)
                continue
            yield folder, meta

    def _meta(self, folder: str, experiment_id: str) -> Meta:
        """Raises NotFound: it went away meanwhile; Malformed."""
        meta = self._view.meta(folder)
        if meta is None:
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        try:
            _check(meta)
        except (KeyError, ValueError, TypeError) as error:
            raise Malformed(f"{folder}/meta.yaml is malformed: {error!r}") from error
        return meta

    def _check_free(self, name: str) -> None:
        taken = self.get_by_name(name)
        if taken is not None:
            deleted = taken.lifecycle_stage is LifecycleStage.DELETED
            hint = " It is deleted: restore it, or choose another name." if deleted else ""
            raise AlreadyExists(f"Experiment '{name}' already exists.{hint}")

    def _new_id(self) -> ExperimentId:
        while True:
            chosen = ExperimentId(str(10**17 + secrets.randbelow(9 * 10**17)))
            if self._view.find_experiment(chosen) is None:
                return chosen

    def _touch(self, folder: str, experiment_id: str, now_ms: int) -> None:
        meta = self._meta(folder, experiment_id)
        self._view.write_meta(folder, meta | {"last_update_time": now_ms})

    def _update(self, folder: str, meta: Meta, now_ms: int, **changed: str) -> None:
        """Rewrite as MLflow does, which repeats the tags in `meta.yaml` when it changes anything else there."""
        tags = keyed.read_all(self._view.files, folder, "tags")
        self._view.write_meta(folder, meta | changed | {"last_update_time": now_ms, "tags": tags})

    def _went_with(self, folder: str, meta: Meta) -> set[str] | None:
        """The runs to bring back with the experiment; None, meaning all, where MLflow took it to the trash."""
        raw = self._view.files.read(went_with_experiment(folder))
        if raw is None:
            return None
        self._view.files.delete(went_with_experiment(folder))
        note = json_decoder(WentWith).decode(raw)
        return set(note.run_ids) if note.last_update_time == meta.get("last_update_time") else None


class _Row:
    """An experiment as filters ask it."""

    def __init__(self, view: View, folder: str, meta: Meta) -> None:
        self.experiment = _experiment(view, folder, meta)
        self._tags = {tag.key: tag.value for tag in self.experiment.tags}

    def attribute(self, name: str) -> str | int | None:
        if name == "experiment_id":
            return int(self.experiment.experiment_id)
        value: str | int | None = getattr(self.experiment, name)
        return value.value if isinstance(value, LifecycleStage) else value

    def metric(
        self, key: str, dataset_name: str | None = None, dataset_digest: str | None = None
    ) -> MetricFacts | None:
        """Experiments have none; the vocabulary lets none be asked for."""
        del key, dataset_name, dataset_digest
        return None

    def param(self, key: str) -> str | None:
        del key
        return None

    def tag(self, key: str) -> str | None:
        return self._tags.get(key)

    def datasets(self) -> Sequence[DatasetFacts]:
        return ()


def _check(meta: Meta) -> None:
    """Raises KeyError, ValueError or TypeError for what is no experiment."""
    text_of(meta, "name")
    optional_int(meta, "creation_time")
    optional_int(meta, "last_update_time")


def _experiment(view: View, folder: str, meta: Meta) -> Experiment:
    tags = keyed.read_all(view.files, folder, "tags")
    return Experiment(
        experiment_id=ExperimentId(folder.rpartition("/")[2]),
        name=text_of(meta, "name"),
        artifact_location=text_of(meta, "artifact_location", ""),
        lifecycle_stage=view.stage(folder),
        creation_time=optional_int(meta, "creation_time"),
        last_update_time=optional_int(meta, "last_update_time"),
        tags=[Tag(key=key, value=value) for key, value in tags.items()],
    )
