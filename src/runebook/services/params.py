"""Use cases of params."""

from __future__ import annotations

from runebook.api.operation import Nothing
from runebook.api.params import LogParam
from runebook.core import checks
from runebook.core.params import Param
from runebook.services.context import Context
from runebook.services.handlers import handles
from runebook.services.runs import active_run
from runebook.storage.base import Transaction


@handles(LogParam)
def log_param(tx: Transaction, request: LogParam, context: Context) -> Nothing:
    checks.check_key(request.key, "key")
    checks.check_value(request.value, "value")
    active_run(tx, request.run_id)
    tx.params.log(request.run_id, [Param(key=request.key, value=request.value)])
    return Nothing()
