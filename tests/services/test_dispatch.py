from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from runebook.api.experiments import CreateExperiment, GetExperimentByName
from runebook.api.operation import Operation
from runebook.api.permissions import Permission
from runebook.api.runs import CreateRun, SearchRuns
from runebook.api.tags import SetTag
from runebook.artifacts.resolver import ArtifactResolver
from runebook.core.errors import Conflict, NotFound, PermissionDenied, TemporarilyUnavailable
from runebook.core.ids import ExperimentId, RunId
from runebook.services import dispatch
from runebook.services.context import Caller
from runebook.services.dispatch import Services
from runebook.storage.base import Transaction
from runebook.storage.opening import open_storage
from runebook.storage.sql import connections


def test_a_retried_create_gets_the_first_answer(services: Services) -> None:
    request = CreateRun(experiment_id=ExperimentId("0"), run_name="once", idempotency_key="k1")
    first, again = services.call(request), services.call(request)

    assert again == first
    assert len(services.call(SearchRuns(experiment_ids=[ExperimentId("0")])).runs) == 1


def test_a_key_used_for_another_request_is_a_conflict(services: Services) -> None:
    services.call(CreateRun(experiment_id=ExperimentId("0"), run_name="a", idempotency_key="k1"))

    with pytest.raises(Conflict, match="'k1'"):
        services.call(CreateRun(experiment_id=ExperimentId("0"), run_name="b", idempotency_key="k1"))
    assert len(services.call(SearchRuns(experiment_ids=[ExperimentId("0")])).runs) == 1


def test_one_key_may_serve_two_operations(services: Services) -> None:
    services.call(CreateExperiment(name="e", idempotency_key="k1"))
    services.call(CreateRun(experiment_id=ExperimentId("0"), idempotency_key="k1"))


def test_one_key_sent_by_many_threads_at_once_makes_one_run(services: Services) -> None:
    request = CreateRun(experiment_id=ExperimentId("0"), idempotency_key="race")
    run_ids: list[RunId] = []

    threads = [
        threading.Thread(target=lambda: run_ids.append(services.call(request).run.info.run_id)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(run_ids) == 8
    assert len(set(run_ids)) == 1


def test_a_failed_create_does_not_use_its_key_up(services: Services) -> None:
    request = CreateRun(experiment_id=ExperimentId("77"), idempotency_key="k1")
    with pytest.raises(NotFound):
        services.call(request)
    with pytest.raises(NotFound):
        services.call(request)


class Nobody:
    """Grants nothing but to those who are called admin."""

    def authorize(self, caller: Caller, needs: Permission, request: Operation, tx: Transaction) -> None:
        if caller.name != "admin":
            raise PermissionDenied(f"{caller.name} may not {needs.level.value} {needs.field}.")

    def authorize_path(self, caller: Caller, needs: Permission, path: str, tx: Transaction) -> None:
        raise PermissionDenied(path)


def test_permission_is_asked_for_before_anything_happens(services: Services) -> None:
    guarded = Services(services.storage, services.artifacts, authorizer=Nobody())

    with pytest.raises(PermissionDenied, match="guest may not signed_in"):
        guarded.call(CreateExperiment(name="secret"), Caller("guest"))
    with pytest.raises(PermissionDenied, match="guest may not edit run_id"):
        guarded.call(SetTag(run_id=RunId("x"), key="a", value="b"), Caller("guest"))
    with pytest.raises(NotFound):
        services.call(GetExperimentByName(experiment_name="secret"))
    guarded.call(CreateExperiment(name="secret"), Caller("admin"))


def test_a_store_that_another_process_keeps_locked_is_not_waited_for_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(dispatch, "PATIENCE_S", 0.3)
    database = tmp_path / "store.db"
    storage = open_storage(f"sqlite:///{database}", artifact_root="mlflow-artifacts:")
    services = Services(storage, ArtifactResolver(served=None, roots=[]))
    began = time.monotonic()
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TemporarilyUnavailable, match=r"locked.*Nothing was changed"):
            services.call(CreateExperiment(name="e"))
    assert time.monotonic() - began < 1.5

    assert services.call(CreateExperiment(name="e")).experiment_id == "1"
    services.close()
