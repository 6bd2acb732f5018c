"""Where everything lies, in one place. Paths are relative to the store's root, with "/" between names.

Every name that came from outside is checked here, so that no path leaves its folder. What MLflow's layout
cannot hold, and what only Runebook knows, lies in `.runebook` folders, which MLflow passes over.
"""

from __future__ import annotations

import hashlib
import posixpath
import re

from runebook.core.errors import InvalidParameterValue, NotFound
from runebook.core.ids import RUN_ID_PATTERN

TRASH = ".trash"
META = "meta.yaml"
HIDDEN = ".runebook"

LOCK = ".runebook-lock"
READERS_LOCK = ".runebook-readers"
JOURNAL = ".runebook-journal"
NEW_FILE = ".runebook-new"
ANSWERS = ".runebook-answers"
WRITERS = ".runebook-writers"
LEASES = ".runebook-leases"

RUN_FOLDERS = ("artifacts", "metrics", "params", "tags")
MODEL_FOLDERS = ("metrics", "params")

MAX_NAME_BYTES = 255
"""What file systems take as one name."""

_NOT_RUNS = frozenset({"tags", "datasets", "models", "traces", "assessments", "artifacts"})
_EXPERIMENT_ID = re.compile(r"[0-9]+")
_MAX_EXPERIMENT_DIGITS = 19
_MODEL_ID = re.compile(r"[\w\-]{1,255}", re.ASCII)


def check_experiment_id(experiment_id: str) -> str:
    if _EXPERIMENT_ID.fullmatch(experiment_id) is None:
        raise InvalidParameterValue(
            f"Invalid experiment ID '{experiment_id[:100]}'. Experiment ID must be a valid integer."
        )
    return experiment_id


def is_experiment_id(name: str) -> bool:
    """Whether a folder may be an experiment's: its name is a number that fits 64 bits."""
    return _EXPERIMENT_ID.fullmatch(name) is not None and len(name) <= _MAX_EXPERIMENT_DIGITS


def is_run_id(name: str) -> bool:
    """Whether a folder of an experiment may be a run's: its name is an id, and not that of one of MLflow's folders."""
    return len(name) <= MAX_NAME_BYTES and RUN_ID_PATTERN.fullmatch(name) is not None and name not in _NOT_RUNS


def check_run_id(run_id: str) -> str:
    if not is_run_id(run_id):
        raise no_run(run_id)
    return run_id


def no_run(run_id: str) -> NotFound:
    return NotFound(f"Run with id={run_id[:300]} not found")


def is_model_id(name: str) -> bool:
    return _MODEL_ID.fullmatch(name) is not None


def check_model_id(model_id: str) -> str:
    """A model id that a folder is named by, before it is known that there is such a model."""
    if not is_model_id(model_id):
        raise InvalidParameterValue(f"Invalid model ID '{model_id[:100]}'. It may hold letters, digits, - and _.")
    return model_id


def experiment_folder(experiment_id: str, *, trashed: bool) -> str:
    name = check_experiment_id(experiment_id)
    return f"{TRASH}/{name}" if trashed else name


def meta(folder: str) -> str:
    return f"{folder}/{META}"


def no_model(model_id: str) -> NotFound:
    return NotFound(f"Logged model with ID '{model_id[:300]}' not found.")


def models_folder(experiment: str) -> str:
    return f"{experiment}/models"


def dataset_id(name: str, digest: str) -> str:
    """How MLflow names the folder of a dataset."""
    return _md5(name, digest)


def unambiguous_dataset_id(name: str, digest: str) -> str:
    """The id where another dataset has the one above, which is made of the name and the digest without a border."""
    return _md5(name, "\0", digest)


def input_id(source_id: str, run_id: str) -> str:
    """How MLflow names the folder of an input."""
    return _md5(source_id, run_id)


def went_with_experiment(experiment: str) -> str:
    """The runs that went to the trash with their experiment."""
    return f"{experiment}/{HIDDEN}/deleted-runs.json"


def key_path(owner: str, kind: str, key: str) -> str:
    """The file of a key as MLflow lays it out: slashes in the key are folders."""
    return f"{owner}/{kind}/{_check_key(key)}"


def overflow_folder(owner: str, kind: str) -> str:
    return f"{owner}/{HIDDEN}/{kind}"


def overflow_path(owner: str, kind: str, key: str) -> str:
    """The file of a key that MLflow's layout has no place for; its name is kept beside it, under `overflow_name`."""
    name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{overflow_folder(owner, kind)}/{name}"


def overflow_name(overflow: str) -> str:
    return f"{overflow}.key"


def fits(key: str) -> bool:
    """Whether file systems take every part of the key as a name."""
    return all(len(part.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES for part in key.split("/"))


def is_key(key: str) -> bool:
    """Whether a key, as a path, stays below the folder that it is put in and is what it looks like."""
    return (
        key not in ("", ".")
        and key == posixpath.normpath(key)
        and not key.startswith(("/", "..", "\\"))
        and "\0" not in key
    )


def _check_key(key: str) -> str:
    """Raises InvalidParameterValue for what `is_key` refuses."""
    if not is_key(key):
        raise InvalidParameterValue(
            f"Invalid name {key[:300]!r}: names are files in this store, and must be relative paths without '..', '.',"
            " doubled or outer slashes."
        )
    return key


def _md5(*parts: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
