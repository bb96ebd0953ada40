"""The small experiment: what moves and what stays, with all losses and with one of them left out.

    python -m reference.content_transfer.experiment --out docs/methods/content_transfer.json

Each row of the result is one training; all have the same pictures, steps and networks. What the
file holds already is not done again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.files import write_json
from harness.method import TrainJob
from reference.content_transfer.checkpoint import read_checkpoint
from reference.content_transfer.settings import LEFT_OUT
from reference.content_transfer.train import train

SEEDS = (0, 1, 2)
# Columns of the page's table.
COLUMNS = (
    "content_iou",
    "inside_rmse",
    "outside_rmse",
    "own_guide",
    "content_left",
    "removed_judged_content",
    "plain_rmse",
    "content_rmse",
    "probe_accuracy",
)


def measure(
    variant: str, seed: int, options: Mapping[str, str], device: str = "cpu"
) -> dict[str, Any]:
    """Train one variant as `k210 train` does, and return its figures."""
    with tempfile.TemporaryDirectory() as folder:
        job = TrainJob(
            out=Path(folder) / "training",
            seed=seed,
            device=device,
            options={**options, "variant": variant},
        )
        metrics = read_checkpoint(train(job)).metrics
    return {"variant": variant, "seed": seed, "metrics": dict(metrics)}


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, tuple[float, float]]]:
    """Return mean and standard deviation over the seeds: variant → figure."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for variant in dict.fromkeys(row["variant"] for row in rows):
        same = [row["metrics"] for row in rows if row["variant"] == variant]
        for name in same[0]:
            values = [metrics[name] for metrics in same]
            deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            found.setdefault(variant, {})[name] = float(np.mean(values)), deviation
    return found


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the page's table, one a variant."""
    lines = []
    for variant, figures in summary(rows).items():
        cells = ["{:.2f} ± {:.2f}".format(*figures[name]) for name in COLUMNS]
        left_out = LEFT_OUT[variant]
        lines.append(f"| {f'without {left_out}' if left_out else 'all'} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measure what is missing, and write it after each training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--variants", nargs="+", choices=list(LEFT_OUT), default=list(LEFT_OUT))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args()
    options = dict(pair.split("=", 1) for pair in asked.set)
    rows = json.loads(asked.out.read_text())["rows"] if asked.out.exists() else []
    for seed in asked.seeds:
        for variant in asked.variants:
            if any((row["variant"], row["seed"]) == (variant, seed) for row in rows):
                continue
            rows.append(measure(variant, seed, options, asked.device))
            rows.sort(key=lambda row: (list(LEFT_OUT).index(row["variant"]), row["seed"]))
            command = f"python -m {__spec__.name} --out {asked.out.name}"
            found = {"command": command, "options": options, "summary": summary(rows), "rows": rows}
            write_json(asked.out, found)
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
