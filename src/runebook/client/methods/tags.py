"""Methods on the tags of runs."""

from __future__ import annotations

from typing import Any

from runebook.api.tags import DeleteTag
from runebook.client.methods.base import Methods
from runebook.client.run_operations import RunOperations
from runebook.client.values import key_text
from runebook.core.errors import InvalidParameterValue
from runebook.core.ids import RunId
from runebook.core.tags import IMMUTABLE, Tag


class TagMethods(Methods):
    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
        tag = Tag(key=refuse_immutable(key), value=str(value))
        return self._perform(lambda: self.log.tag(RunId(run_id), tag), synchronous)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Raises NotFound: the run has no such tag."""
        self._call(DeleteTag(run_id=RunId(run_id), key=refuse_immutable(key)))


def refuse_immutable(key: Any) -> str:
    """The key. Raises InvalidParameterValue: its value was fixed when the run was made."""
    if key in IMMUTABLE:
        raise InvalidParameterValue(f"The tag {key!r} is fixed when its run is made; it cannot be set or deleted.")
    return key_text(key)
