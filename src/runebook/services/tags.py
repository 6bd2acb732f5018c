"""Use cases of the tags of runs."""

from __future__ import annotations

from runebook.api.operation import Nothing
from runebook.api.tags import DeleteTag, SetTag
from runebook.core import checks
from runebook.services.context import Context
from runebook.services.frames import log_one
from runebook.services.handlers import handles
from runebook.services.run_rules import active_run
from runebook.storage.base import Transaction


@handles(SetTag)
def set_tag(tx: Transaction, request: SetTag, context: Context) -> Nothing:
    return log_one(tx, request, context)


@handles(DeleteTag)
def delete_tag(tx: Transaction, request: DeleteTag, context: Context) -> Nothing:
    checks.check_key(request.key, "key")
    active_run(tx, request.run_id)
    tx.tags.delete(request.run_id, request.key)
    return Nothing()
