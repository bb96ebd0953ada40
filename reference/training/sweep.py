"""Experiments: figures of every variant with every seed, each kept as soon as it is measured."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from harness.files import write_json

SEEDS = (0, 1, 2)

Row = dict[str, Any]
# Mean and standard deviation over seeds, by variant and metric.
Summary = dict[str, dict[str, tuple[float, float]]]


def measure_missing(
    path: Path,
    wanted: Iterable[tuple[str, int]],
    measure: Callable[[str, int], Row],
    document: Callable[[list[Row]], Mapping[str, Any]],
    key: str = "variant",
) -> None:
    """Measure what a JSON file of results lacks, one row after the other, and keep it there.

    Args:
        path: The file; a sweep that was cut goes on where it was.
        wanted: Variant and seed of each row.
        measure: Makes a row, in which both are found again.
        document: Makes what the file is to hold of all rows so far, which lie under `rows`.
        key: What a row calls its variant.
    """
    rows: list[Row] = json.loads(path.read_text())["rows"] if path.is_file() else []
    known = {(row[key], row["seed"]) for row in rows}
    for variant, seed in wanted:
        if (variant, seed) not in known:
            row = measure(variant, seed)
            rows.append(row)
            write_json(path, document(rows))
            print(json.dumps(row), file=sys.stderr, flush=True)


def summary(rows: Sequence[Mapping[str, Any]]) -> Summary:
    """Return mean and standard deviation over seeds, by variant and metric."""
    found = {}
    for variant in dict.fromkeys(row["variant"] for row in rows):
        metrics = [row["metrics"] for row in rows if row["variant"] == variant]
        found[variant] = {name: spread([one[name] for one in metrics]) for name in metrics[0]}
    return found


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation, which is 0 of a single value."""
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def cell(mean: float, deviation: float, *, alone: bool = False, digits: int = 3) -> str:
    """Return both for a table, or the mean alone where a single seed made it."""
    return f"{mean:.{digits}f}" if alone else f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return metrics to six digits, as a file of results has them."""
    return {name: round(value, 6) for name, value in metrics.items()}


def arguments(text: str | None, variants: Iterable[str]) -> argparse.ArgumentParser:
    """Return the parser of an experiment's command line: what all experiments know."""
    parser = argparse.ArgumentParser(description=text)
    names = list(variants)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return what was asked for, and compute with that many threads from now on."""
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    return given
