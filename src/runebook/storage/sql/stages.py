"""Lifecycle stages as the column `lifecycle_stage` holds them; see `schema`."""

from __future__ import annotations

from runebook.core.experiments import LifecycleStage
from runebook.storage.sql.schema import ACTIVE, DELETED

STAGE_NUMBERS = {LifecycleStage.ACTIVE: ACTIVE, LifecycleStage.DELETED: DELETED}
STAGES = {number: stage for stage, number in STAGE_NUMBERS.items()}
