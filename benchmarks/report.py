"""The samples as Markdown tables and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from measure import Row, Sample, likely_median, medians
from peers import PEERS, RUNEBOOK, Peer
from rows import ROWS

RESULTS = Path(__file__).parent / "results"


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


def markdown(samples: Sequence[Sample], failed: Sequence[str], versions: dict[str, str], *, quick: bool) -> str:
    """A table per section: what Runebook does, what it shall do, and the others, with how many times better it is."""
    found = medians(samples)
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    kind = "Quick run: few samples, small sizes." if quick else "Medians of several rounds, the peers by turns."
    titles = {peer.name: peer.title for peer in PEERS}
    names = ", ".join(f"{titles[name]} {version}" for name, version in versions.items())
    lines = [f"# Benchmarks, {when}", "", f"{names}, side by side on {machine()}. {kind}"]
    for section in dict.fromkeys(row.section for row in ROWS):
        rows = [row for row in ROWS if row.section == section and row.key in found]
        if rows:
            lines += ["", f"## {section}", "", *_table(rows, found, samples)]
    if failed:
        lines += ["", "## Could not be measured", "", *(f"- {text.splitlines()[0]}" for text in dict.fromkeys(failed))]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Row], found: dict[str, dict[str, float]], samples: Sequence[Sample]) -> list[str]:
    others = [peer for peer in PEERS if peer != RUNEBOOK and any(peer.name in found[row.key] for row in rows)]
    head = ["work", "Runebook", "to reach", "reached", *(peer.title for peer in others), "notes"]
    lines = [_cells(head), "|---" * len(head) + "|"]
    return lines + [_line(row, found[row.key], others, samples) for row in rows]


def _line(row: Row, values: dict[str, float], others: Sequence[Peer], samples: Sequence[Sample]) -> str:
    ours = values.get(RUNEBOOK.name)
    target = "" if row.target is None else f"{_amount(row.target, row.unit)} {row.under}".strip()
    reached = "" if row.target is None or ours is None else "yes" if row.reached_by(ours) else "no"
    if reached == "yes" and row.under:
        reached = "at this size"
    peers = [_peer_amount(row, ours, values.get(peer.name)) for peer in others]
    notes = {sample.peer: sample.note for sample in samples if sample.row == row.key and sample.note}
    if row.unit == "%":
        notes = {name: _bounds(samples, row, name) for name in values}
    told = "; ".join(f"{peer.title}: {notes[peer.name]}" for peer in PEERS if peer.name in notes)
    return _cells([row.title, _amount(ours, row.unit), target, reached, *peers, told])


def _bounds(samples: Sequence[Sample], row: Row, peer: str) -> str:
    found = [sample.value for sample in samples if (sample.row, sample.peer) == (row.key, peer)]
    low, high = likely_median(found)
    return f"{low:.1f} to {high:.1f} ({len(found)} pairs)"


def _peer_amount(row: Row, ours: float | None, value: float | None) -> str:
    ratio = None if ours is None or value is None else row.ratio(ours, value)
    return _amount(value, row.unit) + (f" ({_number(ratio)}x)" if ratio is not None else "")


def _cells(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{_number(value)} {unit}".strip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def save(samples: Sequence[Sample], failed: Sequence[str], versions: dict[str, str], *, quick: bool) -> str:
    """Write `results/latest.md` and `.json`; return the Markdown."""
    text = markdown(samples, failed, versions, quick=quick)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.md").write_text(text, encoding="utf-8")
    body = {
        "machine": machine(),
        "versions": versions,
        "quick": quick,
        "medians": medians(samples),
        "targets": {row.key: row.target for row in ROWS if row.target is not None},
        "failed": failed,
        "samples": [vars(sample) for sample in samples],
    }
    (RESULTS / "latest.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    return text
