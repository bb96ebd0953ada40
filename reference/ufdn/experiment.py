"""The small experiment: UFDN against UFDN without its game, and a source alone, over seeds.

`python -m reference.ufdn.experiment --out FILE.json` trains what the file does not hold yet, one
variant and seed after the other, and adds each as soon as it is done; `images` is the form for
pictures, on three domains and with settings of its own. With `--keep FOLDER` the trainings stay:
that of `full` is the one that `k210 train ufdn` gives with the same seed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from harness.files import write_json
from harness.method import TrainJob
from reference.ufdn.checkpoint import read_checkpoint
from reference.ufdn.settings import IMAGES, VARIANTS, Settings
from reference.ufdn.train import train

SEEDS = (0, 1, 2)
PICTURES = "images"
# The game that takes the domain out of codes of digits takes the digit out of those of pictures.
PICTURE_OPTIONS = {
    "code": "64",
    "batch": "16",
    "d_steps": "5",
    "feat_domain": "2",
    "ramp": "300",
}
PICTURE_EPOCHS = 45
ALL = (*VARIANTS, PICTURES)
COLUMNS = {
    "accuracy": "targets known, last",
    "best_accuracy": "targets known, best",
    "source_accuracy": "source known",
    "domain_linear": "domain read, linear",
    "domain_mlp": "domain read, MLP",
}
NAMES = {
    "full": "UFDN",
    "no_adversary": "without label inversion",
    "source_only": "digits of the source alone",
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Sweep:
    """What is trained.

    Attributes:
        variants: Some of `ALL`.
        seeds: One training of each variant with each.
        epochs: Passes over the first domain; None for each variant's own number.
        device: PyTorch device name.
        keep: Folder for the trainings; None for none.
        options: Further settings.
    """

    variants: Sequence[str] = ALL
    seeds: Sequence[int] = SEEDS
    epochs: int | None = None
    device: str = "cpu"
    keep: Path | None = None
    options: Mapping[str, str] | None = None


def sweep(path: Path, asked: Sweep) -> None:
    """Train what is missing in a JSON file of results, and keep it there."""
    rows: list[Row] = json.loads(path.read_text())["rows"] if path.is_file() else []
    done = {(row["variant"], row["seed"]) for row in rows}
    wanted = [(variant, seed) for seed in asked.seeds for variant in asked.variants]
    for variant, seed in wanted:
        if (variant, seed) not in done:
            row = _trained(variant, seed, asked)
            rows.append(row)
            common = {"defaults": asdict(Settings()), "torch": torch.__version__}
            write_json(path, common | {"rows": rows})
            print(json.dumps(row), flush=True)


def summary(rows: Sequence[Row]) -> dict[str, dict[str, tuple[float, float]]]:
    """Return mean and standard deviation over seeds, by variant and metric."""
    found = {}
    for variant in dict.fromkeys(row["variant"] for row in rows):
        metrics = [row["metrics"] for row in rows if row["variant"] == variant]
        found[variant] = {name: _spread([one[name] for one in metrics]) for name in metrics[0]}
    return found


def table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a Markdown table, a line a variant of the adaptation."""
    found = summary(rows)
    lines = [f"| | {' | '.join(COLUMNS.values())} |", f"|---{'|---' * len(COLUMNS)}|"]
    for variant, name in NAMES.items():
        cells = (
            f"{mean:.3f} ± {deviation:.3f}"
            for mean, deviation in map(found[variant].__getitem__, COLUMNS)
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _trained(variant: str, seed: int, asked: Sweep) -> Row:
    pictures = variant == PICTURES
    options = {"form": IMAGES} | PICTURE_OPTIONS if pictures else {"variant": variant}
    options |= asked.options or {}
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        job = TrainJob(
            folder / f"{variant}-{seed}",
            seed=seed,
            device=asked.device,
            epochs=asked.epochs or (PICTURE_EPOCHS if pictures else None),
            options=options,
        )
        started = time.monotonic()
        found = read_checkpoint(train(job))
        seconds = round(time.monotonic() - started)
    metrics = {name: round(value, 6) for name, value in found.metrics.items()}
    return {
        "variant": variant,
        "seed": seed,
        "epochs": found.job["epochs"],
        "options": options,
        "data": found.job["data"],
        "metrics": metrics,
        "seconds": seconds,
    }


def _spread(values: Sequence[float]) -> tuple[float, float]:
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def main() -> None:
    """Run the sweep as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", choices=ALL, default=ALL)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    asked = Sweep(given.variants, given.seeds, given.epochs, given.device, given.keep)
    sweep(given.out, asked)


if __name__ == "__main__":
    main()
