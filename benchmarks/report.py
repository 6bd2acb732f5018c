"""The samples as a Markdown table and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from measure import ROWS, Row, Sample, medians

_RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """The machine without its name: cores, memory, processor, system, Python."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    python = platform.python_version()
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory_bytes / 2**30:.0f} GB, "
        f"{platform.system()} {platform.release().split('-')[0]}, Python {python}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def markdown(samples: Sequence[Sample], versions: dict[str, str], *, quick: bool) -> str:
    """The table: a row per piece of work, MLflow, Runebook, and how many times better Runebook is."""
    found = medians(samples)
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    kind = "Quick run: few samples, small sizes." if quick else "Medians of several rounds, the peers by turns."
    names = " and ".join(f"{name} {version}" for name, version in versions.items())
    lines = [f"# Benchmarks, {when}", "", f"{names}, side by side on {machine()}. {kind}", ""]
    lines += ["| work | MLflow | Runebook | ratio | to reach | notes |", "|---|---|---|---|---|---|"]
    lines += [_line(row, found[row.key], samples) for row in ROWS if row.key in found]
    return "\n".join(lines) + "\n"


def _line(row: Row, values: dict[str, float], samples: Sequence[Sample]) -> str:
    mlflow, runebook = values.get("mlflow"), values.get("runebook")
    ratio = "-"
    if mlflow and runebook:
        ratio = f"{mlflow / runebook if row.better == 'lower' else runebook / mlflow:.3g}x"
    notes = dict.fromkeys(f"{s.peer}: {s.note}" for s in samples if s.row == row.key and s.note)
    cells = [row.title, _amount(mlflow, row.unit), _amount(runebook, row.unit), ratio, row.target, "; ".join(notes)]
    return "| " + " | ".join(cells) + " |"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    number = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def save(samples: Sequence[Sample], versions: dict[str, str], *, quick: bool) -> str:
    """Write `results/latest.md` and `.json`; return the Markdown."""
    text = markdown(samples, versions, quick=quick)
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / "latest.md").write_text(text, encoding="utf-8")
    body = {
        "machine": machine(),
        "versions": versions,
        "quick": quick,
        "medians": medians(samples),
        "samples": [vars(sample) for sample in samples],
    }
    (_RESULTS / "latest.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    return text
