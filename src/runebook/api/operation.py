"""An operation: a request, its reply, its verb and path, the permission it needs, a sentence for the docs.

Declared once as a class, from which routes, transports, permission checks and the OpenAPI document come:

    class GetRun(Operation, verb="GET", path="runs/get", needs=read("run_id")):
        '''A run with all that it logged, deleted ones included.'''

        run_id: RunId

        class Reply(Record):
            run: Run
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta, Struct, StructMeta, field

from runebook.api.permissions import Permission
from runebook.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH
from runebook.core.records import Record

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:
    from runebook.core.records import dataclass_transform


class Family(Enum):
    """Where an operation lives: the prefixes it is served under."""

    MLFLOW_2 = ("/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/")
    MLFLOW_3 = ("/api/3.0/mlflow/", "/ajax-api/3.0/mlflow/")
    AJAX_2 = ("/ajax-api/2.0/mlflow/",)
    ARTIFACTS = ("/api/2.0/mlflow-artifacts/", "/ajax-api/2.0/mlflow-artifacts/")
    RUNEBOOK = ("/api/runebook/v1/",)
    ROOT = ("/",)


class Spec(Struct, frozen=True, kw_only=True):
    """What was declared of an operation, beside its fields."""

    name: str
    noun: str
    verbs: tuple[str, ...]
    path: str
    family: Family
    needs: Permission
    doc: str
    writes: bool
    aliases: dict[str, str]
    """Other names under which MLflow's clients send a field."""

    binary: bool
    """Whether its body may also be MessagePack, and compressed, beside JSON."""

    @property
    def routes(self) -> tuple[str, ...]:
        """Every path it is served under, the one that clients call first."""
        return tuple(prefix + self.path for prefix in self.family.value)

    @property
    def path_fields(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{(\w+)(?::\w+)?}", self.path))


OPERATIONS: dict[str, type[Operation]] = {}
"""Every operation by its name, in the order of declaration."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class OperationMeta(StructMeta):
    """Reads the declaration from the class line; a class without verb and path is a base for others."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        verb: str | tuple[str, ...] | None = None,
        path: str = "",
        needs: Permission | None = None,
        family: Family = Family.MLFLOW_2,
        writes: bool | None = None,
        aliases: dict[str, str] | None = None,
        binary: bool = False,
    ) -> Any:
        cls: Any = super().__new__(mcls, name, bases, namespace, frozen=True, kw_only=True, omit_defaults=True)
        if verb is None:
            return cls
        verbs = (verb,) if isinstance(verb, str) else verb
        if needs is None:
            raise TypeError(f"{name} names no permission: every operation says needs=...")
        if needs.field is not None and needs.field not in cls.__struct_fields__:
            raise TypeError(f"{name} needs permission on {needs.field!r}, which is no field of it")
        if not cls.__doc__:
            raise TypeError(f"{name} has no sentence that says what it does")
        if name in OPERATIONS:
            raise TypeError(f"There are two operations {name}")
        cls.spec = Spec(
            name=name,
            noun=namespace["__module__"].rpartition(".")[2],
            verbs=verbs,
            path=path,
            family=family,
            needs=needs,
            doc=cls.__doc__,
            writes="GET" not in verbs if writes is None else writes,
            aliases=aliases or {},
            binary=binary,
        )
        OPERATIONS[name] = cls
        return cls

    def __init__(cls, *args: Any, **kwargs: Any) -> None:
        """The declaration was read in `__new__`."""


class Operation(Struct, metaclass=OperationMeta):
    """A request. The class knows where and how it is served; the instance holds what the caller sent."""

    spec: ClassVar[Spec]
    Reply: ClassVar[type[Any]]


IdempotencyKey = (
    Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_IDEMPOTENCY_KEY_LENGTH,
            description="The same key again within a week returns the first answer and makes nothing new.",
        ),
    ]
    | None
)
"""The optional field `idempotency_key` of a request that makes something new."""


class Nothing(Record):
    """The reply of an operation that has nothing to say but that it is done."""
