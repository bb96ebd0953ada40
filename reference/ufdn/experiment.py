"""The small experiment: UFDN against UFDN without its game, and a source alone, over seeds.

`python -m reference.ufdn.experiment --out FILE.json` trains what the file does not hold yet, one
variant and seed after the other, and adds each as soon as it is done; `images` is the form for
pictures, on three domains and with settings of its own. With `--keep FOLDER` the trainings stay:
that of `full` is the one that `k210 train ufdn` gives with the same seed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from harness.method import TrainJob
from reference.training.sweep import (
    SEEDS,
    Row,
    arguments,
    cell,
    measure_missing,
    parsed,
    rounded,
    summary,
)
from reference.ufdn.checkpoint import read_checkpoint
from reference.ufdn.settings import IMAGES, VARIANTS, Settings
from reference.ufdn.train import train

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


def sweep(
    path: Path,
    variants: Sequence[str] = ALL,
    seeds: Sequence[int] = SEEDS,
    epochs: int | None = None,
    device: str = "cpu",
    keep: Path | None = None,
    options: Mapping[str, str] | None = None,
) -> None:
    """Train what is missing in a JSON file of results, and keep it there.

    Args:
        path: The file.
        variants: Some of `ALL`.
        seeds: One training of each variant with each.
        epochs: Passes over the first domain; None for each variant's own number.
        device: PyTorch device name.
        keep: Folder for the trainings; None for none.
        options: Further settings.
    """

    def measure(variant: str, seed: int) -> Row:
        pictures = variant == PICTURES
        own = {"form": IMAGES} | PICTURE_OPTIONS if pictures else {"variant": variant}
        own |= options or {}
        passes = epochs or (PICTURE_EPOCHS if pictures else None)
        with ExitStack() as stack:
            folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            out = folder / f"{variant}-{seed}"
            job = TrainJob(out, seed=seed, device=device, epochs=passes, options=own)
            started = time.monotonic()
            found = read_checkpoint(train(job))
            seconds = round(time.monotonic() - started)
        return {
            "variant": variant,
            "seed": seed,
            "epochs": found.job["epochs"],
            "options": own,
            "data": found.job["data"],
            "metrics": rounded(found.metrics),
            "seconds": seconds,
        }

    def document(rows: list[Row]) -> dict[str, Any]:
        return {"defaults": asdict(Settings()), "torch": torch.__version__, "rows": rows}

    measure_missing(path, [(v, s) for s in seeds for v in variants], measure, document)


def table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a Markdown table, a line a variant of the adaptation."""
    found = summary(rows)
    lines = [f"| | {' | '.join(COLUMNS.values())} |", f"|---{'|---' * len(COLUMNS)}|"]
    for variant, name in NAMES.items():
        cells = (cell(*found[variant][column]) for column in COLUMNS)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Run the sweep as the command line says."""
    parser = arguments(__doc__, ALL)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--keep", type=Path)
    given = parsed(parser)
    sweep(given.out, given.variants, given.seeds, given.epochs, given.device, given.keep)


if __name__ == "__main__":
    main()
