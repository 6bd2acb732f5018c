"""Use cases of the tags of runs."""

from __future__ import annotations

from runebook.api.operation import Nothing
from runebook.api.tags import DeleteTag, SetTag
from runebook.core import checks
from runebook.core.tags import Tag
from runebook.services.context import Context
from runebook.services.handlers import handles
from runebook.services.runs import active_run, set_tags
from runebook.storage.base import Transaction


@handles(SetTag)
def set_tag(tx: Transaction, request: SetTag, context: Context) -> Nothing:
    tag = Tag(key=request.key, value=request.value)
    checks.check_key(tag.key, "key")
    checks.check_value(tag.value, "value")
    active_run(tx, request.run_id)
    set_tags(tx, request.run_id, [tag])
    return Nothing()


@handles(DeleteTag)
def delete_tag(tx: Transaction, request: DeleteTag, context: Context) -> Nothing:
    checks.check_key(request.key, "key")
    active_run(tx, request.run_id)
    tx.tags.delete(request.run_id, request.key)
    return Nothing()
