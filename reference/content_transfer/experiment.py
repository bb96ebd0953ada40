"""The small experiment: what moves and what stays, with all losses and with one of them left out.

    python -m reference.content_transfer.experiment --out docs/methods/content_transfer.json

Each row of the result is one training; all have the same pictures, steps and networks. What the
file holds already is not done again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.method import TrainJob, parse_assignments
from reference.content_transfer.checkpoint import read_checkpoint
from reference.content_transfer.settings import LEFT_OUT
from reference.content_transfer.train import train
from reference.training.sweep import Row, arguments, cell, measure_missing, parsed, summary

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


def measure(variant: str, seed: int, options: Mapping[str, str], device: str = "cpu") -> Row:
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


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the page's table, one a variant."""
    lines = []
    for variant, figures in summary(rows).items():
        cells = [cell(*figures[name], digits=2) for name in COLUMNS]
        left_out = LEFT_OUT[variant]
        lines.append(f"| {f'without {left_out}' if left_out else 'all'} | {' | '.join(cells)} |")
    return lines


def sweep(
    path: Path,
    variants: Sequence[str],
    seeds: Sequence[int],
    options: Mapping[str, str],
    device: str = "cpu",
) -> None:
    """Train what is missing in a JSON file of results, and keep it there."""
    order = list(LEFT_OUT)

    def document(rows: list[Row]) -> dict[str, Any]:
        rows.sort(key=lambda row: (order.index(row["variant"]), row["seed"]))
        command = f"python -m reference.content_transfer.experiment --out {path.name}"
        common = {"command": command, "options": options, "summary": summary(rows)}
        return common | {"rows": rows}

    measure_missing(
        path,
        [(variant, seed) for seed in seeds for variant in variants],
        lambda variant, seed: measure(variant, seed, options, device),
        document,
    )


def main() -> None:
    """Run the sweep as the command line says."""
    parser = arguments(__doc__, LEFT_OUT)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = parsed(parser)
    options = parse_assignments(given.set)
    sweep(given.out, given.variants, given.seeds, options, given.device)


if __name__ == "__main__":
    main()
