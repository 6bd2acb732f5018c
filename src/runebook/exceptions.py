"""The errors that Runebook raises, under the names that MLflow's users know."""

from runebook.core.errors import MissingExtra, RunebookError
from runebook.core.errors import RunebookError as MlflowException

__all__ = ["MissingExtra", "MlflowException", "RunebookError"]
