"""Files of runs and models: ArtifactStore and its backends.

For users this is also what `mlflow.artifacts` is: `runebook.artifacts.download_artifacts(...)` and the like are the
client's functions, found when they are asked for. Nothing below this line is known to the stores.
"""

from importlib import import_module
from typing import Any

_OF_THE_CLIENT = {"download_artifacts", "list_artifacts", "load_dict", "load_text"}


def __getattr__(name: str) -> Any:
    if name not in _OF_THE_CLIENT:
        raise AttributeError(f"module 'runebook.artifacts' has no attribute {name!r}")
    return getattr(import_module("runebook.client.fluent.artifacts"), name)
