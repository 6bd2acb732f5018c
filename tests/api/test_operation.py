import pytest

from runebook.api import OPERATIONS
from runebook.api.operation import Family, Nothing, Operation
from runebook.api.permissions import PUBLIC, Level, read
from runebook.services.handlers import handler_of


def test_an_operation_without_a_permission_does_not_import() -> None:
    with pytest.raises(TypeError, match="names no permission"):

        class Unguarded(Operation, verb="GET", path="unguarded"):
            """Nobody said who may."""

            Reply = Nothing


def test_a_permission_on_a_field_that_is_not_there_does_not_import() -> None:
    with pytest.raises(TypeError, match="'run_id'"):

        class Elsewhere(Operation, verb="GET", path="elsewhere", needs=read("run_id")):
            """Guards a field that it lacks."""

            Reply = Nothing


def test_an_operation_without_a_sentence_does_not_import() -> None:
    with pytest.raises(TypeError, match="no sentence"):

        class Silent(Operation, verb="GET", path="silent", needs=PUBLIC):
            Reply = Nothing


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_every_operation_is_served_and_its_reply_declared(operation: type[Operation]) -> None:
    assert callable(handler_of(operation))
    assert operation.Reply is not None
    assert set(operation.spec.path_fields) <= set(operation.__struct_fields__)


def test_no_two_operations_share_a_verb_and_a_path() -> None:
    taken = [(verb, route) for op in OPERATIONS.values() for verb in op.spec.verbs for route in op.spec.routes]
    assert len(taken) == len(set(taken))


def test_mlflow_operations_are_served_for_scripts_and_browsers_alike() -> None:
    for operation in OPERATIONS.values():
        if operation.spec.family in {Family.MLFLOW_2, Family.MLFLOW_3}:
            plain, ajax = operation.spec.routes
            assert ajax == plain.replace("/api/", "/ajax-api/", 1)


def test_only_what_a_client_must_know_before_it_signs_in_is_public() -> None:
    public = {name for name, op in OPERATIONS.items() if op.spec.needs.level is Level.PUBLIC}
    assert public == {"GetServerInfo"}
