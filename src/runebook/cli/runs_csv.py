"""Runs as CSV, in the columns of MLflow's."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from runebook.cli.records import run_as_row

FIRST_COLUMNS = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time", "run_name")


def write_csv(runs: Sequence[Any], path: Path | None) -> None:
    """One line a run, to a file or to stdout; times in ISO 8601, UTC. What a run lacks is empty."""
    rows = [run_as_row(run) for run in runs]
    others = sorted({column for row in rows for column in row} - set(FIRST_COLUMNS))
    opened = path.open("w", newline="", encoding="utf-8") if path is not None else nullcontext(sys.stdout)
    with opened as file:
        writer = csv.DictWriter(file, [*FIRST_COLUMNS, *others], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
