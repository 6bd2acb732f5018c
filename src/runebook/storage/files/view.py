"""What all nouns of a transaction share: its files, the caches, and where experiments, runs and models lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runebook.core.errors import NotFound
from runebook.core.experiments import LifecycleStage
from runebook.storage.files.changes import Files
from runebook.storage.files.layout import (
    TRASH,
    check_experiment_id,
    check_run_id,
    experiment_folder,
    is_experiment_id,
    is_model_id,
    is_run_id,
    meta,
    models_folder,
    no_model,
    no_run,
)
from runebook.storage.files.series import SummaryCache
from runebook.storage.files.yaml_files import MAX_CACHED, Malformed, Meta, MetaCache, dump


class Caches:
    """What is known of the files on disk, for all transactions of a store. Every use is checked against the disk."""

    def __init__(self) -> None:
        self.metas = MetaCache()
        self.summaries = SummaryCache()
        self._folders: dict[str, str] = {}

    def folder(self, name: str) -> str | None:
        """Where a run or a logged model was last seen."""
        return self._folders.get(name)

    def saw(self, name: str, folder: str) -> None:
        if len(self._folders) >= MAX_CACHED:
            self._folders.clear()
        self._folders[name] = folder


class View:
    """The store as one transaction sees it."""

    def __init__(self, root: Path, caches: Caches, *, writable: bool) -> None:
        self.files = Files(root, writable=writable)
        self.caches = caches

    def meta(self, folder: str) -> Meta | None:
        """The `meta.yaml` of a folder. Raises Malformed."""
        return self.caches.metas.read(self.files, meta(folder))

    def write_meta(self, folder: str, content: Meta) -> None:
        self.files.write(meta(folder), dump(content))

    def report(self, folder: str, error: Exception) -> None:
        """Log once that something malformed is passed over."""
        self.caches.metas.report(meta(folder), error)

    def experiments(self) -> Iterator[str]:
        """The folders of all experiments, those in the trash included."""
        for parent in ("", TRASH):
            for name, is_folder in self.files.children(parent).items():
                if is_folder and is_experiment_id(name):
                    yield f"{parent}/{name}" if parent else name

    def experiment(self, experiment_id: str) -> str:
        """The folder of an experiment. Raises NotFound; InvalidParameterValue: the id is no number."""
        folder = self.find_experiment(experiment_id)
        if folder is None:
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        return folder

    def find_experiment(self, experiment_id: str) -> str | None:
        """Raises InvalidParameterValue: the id is no number."""
        if not is_experiment_id(check_experiment_id(experiment_id)):
            return None
        for trashed in (False, True):
            folder = experiment_folder(experiment_id, trashed=trashed)
            if self.files.is_file(meta(folder)):
                return folder
        return None

    def stage(self, experiment: str) -> LifecycleStage:
        """The stage of an experiment by where it lies, or is about to."""
        place = self.files.moved.get(experiment, experiment)
        return LifecycleStage.DELETED if place.startswith(TRASH + "/") else LifecycleStage.ACTIVE

    def runs(self, experiment: str) -> Iterator[str]:
        """The folders of an experiment's runs."""
        for name, is_folder in self.files.children(experiment).items():
            if is_folder and is_run_id(name):
                yield f"{experiment}/{name}"

    def run(self, run_id: str) -> str:
        """The folder of a run. Raises NotFound."""
        folder = self._find(check_run_id(run_id), "")
        if folder is None:
            raise no_run(run_id)
        return folder

    def has_run(self, run_id: str) -> bool:
        return is_run_id(run_id) and self._find(run_id, "") is not None

    def models(self, experiment: str) -> Iterator[str]:
        """The folders of an experiment's logged models."""
        parent = models_folder(experiment)
        for name, is_folder in self.files.children(parent).items():
            if is_folder and is_model_id(name):
                yield f"{parent}/{name}"

    def model(self, model_id: str) -> str:
        """The folder of a logged model. Raises NotFound."""
        folder = self._find(model_id, "/models") if is_model_id(model_id) else None
        if folder is None:
            raise no_model(model_id)
        return folder

    def has_model(self, model_id: str) -> bool:
        return is_model_id(model_id) and self._find(model_id, "/models") is not None

    def _find(self, name: str, inner: str) -> str | None:
        seen = self.caches.folder(name)
        if seen is not None and self.files.is_file(meta(seen)):
            return seen
        for experiment in self.experiments():
            folder = f"{experiment}{inner}/{name}"
            if self.files.is_file(meta(folder)):
                self.caches.saw(name, folder)
                return folder
        return None


def known(view: View, folder: str) -> Meta | None:
    """The `meta.yaml` of a folder that is looked through with others: a malformed one is logged and passed over."""
    try:
        return view.meta(folder)
    except Malformed as error:
        view.report(folder, error)
        return None
