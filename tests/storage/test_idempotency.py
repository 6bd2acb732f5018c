from __future__ import annotations

from pathlib import Path
from typing import Any

from runebook.api.experiments import CreateExperiment
from runebook.api.operation import Operation
from runebook.api.runs import CreateRun
from runebook.artifacts.local import LocalArtifactStore
from runebook.artifacts.resolver import ArtifactResolver
from runebook.core.ids import ExperimentId, new_run_id
from runebook.services.dispatch import Services
from runebook.storage.base import Storage
from runebook.testing.idempotency_store import IdempotencyStoreContract
from runebook.testing.transactions import in_threads


class TestIdempotencyStore(IdempotencyStoreContract):
    """On every backend."""


def test_a_create_sent_many_times_at_once_gets_one_answer_although_its_name_or_id_is_taken_by_then(
    storage: Storage, tmp_path: Path
) -> None:
    services = Services(storage, ArtifactResolver(served=LocalArtifactStore(tmp_path), roots=[]))
    for place in range(6):
        requests: list[Operation] = [
            CreateExperiment(name=f"once {place}", idempotency_key=f"key {place}"),
            CreateRun(experiment_id=ExperimentId("0"), run_id=new_run_id(), idempotency_key=f"key {place}"),
        ]
        for request in requests:
            answers: list[Any] = []

            def work(_: int, request: Operation = request, answers: list[Any] = answers) -> None:
                answers.append(services.call(request))

            in_threads(6, work)
            assert answers == answers[:1] * 6
