"""Experiments: the folders of runs."""

from __future__ import annotations

from enum import Enum

from runebook.core.ids import ExperimentId
from runebook.core.records import Record
from runebook.core.tags import Tag


class LifecycleStage(str, Enum):
    """Deleted things stay in the trash until they are purged, and can be restored."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType(str, Enum):
    """Which lifecycle stages a search looks at."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"

    @property
    def stages(self) -> tuple[LifecycleStage, ...]:
        if self is ViewType.ACTIVE_ONLY:
            return (LifecycleStage.ACTIVE,)
        if self is ViewType.DELETED_ONLY:
            return (LifecycleStage.DELETED,)
        return (LifecycleStage.ACTIVE, LifecycleStage.DELETED)


class Experiment(Record):
    """A named set of runs, with the root of their artifacts."""

    experiment_id: ExperimentId
    name: str
    artifact_location: str
    lifecycle_stage: LifecycleStage
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: list[Tag] = []
