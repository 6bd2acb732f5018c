"""Measures how small and how fast the points of real curves become in chunks: the tables of decision record 0011.

python benchmarks/encoding.py [--points 40000]

Trains models for a minute or two. With PyTorch in the environment its curves are measured too.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from statistics import mean

from trained_curves import Curves, made_curves, sklearn_curves, torch_curves

from runebook.core.columns import Columns
from runebook.storage.sql import metric_codings as codings
from runebook.storage.sql.metric_chunks import CHUNK_POINTS, decode_chunk, encode_chunk
from runebook.storage.sql.metric_frames import zstd
from runebook.storage.sql.metric_order import ordered, part

_NAMES = {0: "plain", 1: "delta", 2: "delta 2", 3: "delta 3", 8: "sequence", 9: "float32"}
_ROUNDS = 3


def _best_ns(work: Callable[[], object], points: int) -> float:
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - start)
    return min(times) / points


def _name(coding: int) -> str:
    return _NAMES.get(coding) or f"decimal {coding - codings.DECIMAL}"


def _size(column: bytes, coding: int) -> int | None:
    """Bytes by one coding; None if it cannot hold the column."""
    try:
        return len(codings.encode_column(column, (coding,))[1])
    except IndexError:
        return None


def _per_coding(values: bytes, count: int) -> list[str]:
    """Bytes a value by each coding, or a dash."""
    sizes = [_size(values, coding) for coding in codings.VALUE_CODINGS]
    return ["-" if size is None else f"{size / count:.2f}" for size in sizes]


def _row(name: str, curve: Columns) -> tuple[list[str], float]:
    count = min(CHUNK_POINTS, len(curve))
    start = (len(curve) - count) // 2
    chunk = part(curve, start, start + count)
    steps, times, values = chunk.to_bytes()
    payload = encode_chunk(chunk)
    assert decode_chunk(payload) == chunk
    whole = len(zstd().compress(steps + times + values, 1)) / count
    of_times = len(codings.encode_column(times, codings.INTEGER_CODINGS)[1]) / count
    row = [name, str(count), f"{whole:.2f}", f"{len(payload) / count:.2f}", f"{of_times:.2f}"]
    row += [_name(payload[2]), _name(payload[3]), *_per_coding(values, count)]
    row.append(f"{_best_ns(lambda: encode_chunk(chunk), count):.0f}")
    row.append(f"{_best_ns(lambda: decode_chunk(payload), count):.0f}")
    return row, len(payload) / count


def _chunk_sizes(curves: Curves) -> None:
    print("\n| points a chunk | " + " | ".join(curves) + " |\n|---" + "|---:" * len(curves) + "|")
    for size in (256, 1024, 4096, 16_384, 32_768):
        sizes = []
        for curve in curves.values():
            chunk = part(curve, 0, size)
            sizes.append(f"{len(encode_chunk(chunk)) / len(chunk):.2f}")
        print(f"| {size} | " + " | ".join(sizes) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=40_000)
    points: int = parser.parse_args().points
    curves = made_curves(points) | sklearn_curves(points // 2)
    if importlib.util.find_spec("torch"):
        curves |= torch_curves(points)
    kinds = [_name(coding) for coding in codings.VALUE_CODINGS[:-1]]
    heads = ["curve", "points", "zstd of all", "**chunk**", "times", "coding of times", "of values", *kinds, "decimal"]
    print("| " + " | ".join([*heads, "encode ns", "decode ns"]) + " |")
    print("|---" * (len(heads) + 2) + "|")
    sizes = {}
    for name, curve in curves.items():
        row, sizes[name] = _row(name, ordered(curve))
        print("| " + " | ".join(row) + " |")
    for kind in ("made", "sklearn", "torch"):
        of_kind = [size for name, size in sizes.items() if name.startswith(kind)]
        if of_kind:
            print(f"\nMean of {kind}: {mean(of_kind):.2f} bytes a point.")
    shown = [name for name in ("made random, uniform", "torch loss", "torch accuracy") if name in curves]
    _chunk_sizes({name: curves[name] for name in shown})


if __name__ == "__main__":
    main()
