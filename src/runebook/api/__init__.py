"""The operations: everything that crosses the line between client and server, declared once, one file per noun.

Importing this package declares them all; `OPERATIONS` lists them.
"""

from runebook.api import (
    artifacts,
    datasets,
    experiments,
    frames,
    logged_models,
    metrics,
    params,
    runs,
    server_info,
    tags,
)
from runebook.api.operation import OPERATIONS

__all__ = [
    "OPERATIONS",
    "artifacts",
    "datasets",
    "experiments",
    "frames",
    "logged_models",
    "metrics",
    "params",
    "runs",
    "server_info",
    "tags",
]
