"""Methods on params."""

from __future__ import annotations

from typing import Any

from runebook.client.methods.base import Methods
from runebook.client.values import key_text
from runebook.core.ids import RunId
from runebook.core.params import Param


class ParamMethods(Methods):
    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Returns the value.

        Raises:
            InvalidParameterValue: the run has this param with another value; a param is written once.

        """
        param = Param(key=key_text(key), value=str(value))

        def write() -> Any:
            self.log.param(RunId(run_id), param)
            return value

        return self._perform(write, synchronous)
