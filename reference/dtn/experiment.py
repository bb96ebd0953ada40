"""The small experiment: all of DTN against DTN less a term and the baseline, over seeds.

`python -m reference.dtn.experiment --out FILE.json` trains what the file does not hold yet, one
variant and seed after the other, and adds each as soon as it is done. Variants of one seed share
f and the judge. With `--keep FOLDER` the checkpoints stay too: that of `full` is the one that
`k210 train dtn` gives with the same seed.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from harness.method import TrainJob
from reference.dtn.checkpoint import Checkpoint, weights_of
from reference.dtn.data import load_domains
from reference.dtn.metrics import by_rarity, judged
from reference.dtn.networks import Classifier
from reference.dtn.settings import VARIANTS, Settings
from reference.dtn.train import DEFAULT_EPOCHS, describe, pretrain
from reference.dtn.trainer import Trainer
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

COLUMNS = {
    "accuracy": "accuracy of the judge on G(S)",
    "often": "on digits that T shows often",
    "rare": "on rare ones",
    "f_constancy": "mean d(f(x), f(G(x)))",
}
NAMES = {
    "full": "DTN",
    "no_tid": "without L_TID",
    "no_const": "without L_CONST",
    "baseline": "baseline: binary D, no f in G",
}


def sweep(
    path: Path,
    variants: Sequence[str] = VARIANTS,
    seeds: Sequence[int] = SEEDS,
    epochs: int = DEFAULT_EPOCHS,
    device: str = "cpu",
    keep: Path | None = None,
) -> None:
    """Train what is missing in a JSON file of results, and keep it there.

    Args:
        path: The file.
        variants: Names of `VARIANTS`.
        seeds: One training of each variant with each.
        epochs: Passes over S.
        device: PyTorch device name.
        keep: Folder for checkpoints; None for none.
    """
    domains = load_domains(None)

    def job(seed: int) -> TrainJob:
        return TrainJob(Path(), seed=seed, device=device, epochs=epochs)

    @functools.lru_cache(maxsize=1)
    def pretrained(seed: int) -> tuple[Classifier, Classifier | None]:
        return pretrain(job(seed), Settings(), domains, domains.classes)

    def measure(variant: str, seed: int) -> Row:
        classifier, judge = pretrained(seed)
        started, settings = time.monotonic(), Settings(variant=variant)
        trainer = Trainer(classifier.encoder, domains, settings, seed, device)
        for epoch in range(epochs):
            trainer.run_epoch(epoch)
        transfer, words = trainer.transfer.eval(), describe(job(seed), settings, domains)
        found = judged(classifier, transfer, judge, domains.source_test, domains.target_test)
        if keep:
            weights = weights_of(classifier, transfer, judge)
            kept = Checkpoint(weights, domains.classes, settings.width, variant, words, dict(found))
            kept.save(keep / f"{variant}-{seed}.safetensors")
        metrics = rounded({**found, **by_rarity(transfer, judge, domains.source_test)})
        seconds = round(time.monotonic() - started)
        return {"variant": variant, "seed": seed, "metrics": metrics, "seconds": seconds}

    def document(rows: list[Row]) -> dict[str, Any]:
        settings = asdict(Settings()) | {"variant": "as in the row"}
        kept = {"epochs": epochs, "settings": settings, "data": domains.fingerprint}
        return kept | {"torch": torch.__version__, "rows": rows}

    measure_missing(path, [(v, s) for s in seeds for v in variants], measure, document)


def table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a Markdown table, a line a variant."""
    found = summary(rows)
    lines = [f"| | {' | '.join(COLUMNS.values())} |", f"|---{'|---' * len(COLUMNS)}|"]
    for variant, text in NAMES.items():
        metrics = found[variant]
        cells = (cell(*metrics[name], alone=len(rows) == len(VARIANTS)) for name in COLUMNS)
        lines.append(f"| {text} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Run the sweep as the command line says."""
    parser = arguments(__doc__, VARIANTS)
    parser.add_argument("--epochs", type=int, default=DEFAULT_EPOCHS)
    parser.add_argument("--keep", type=Path)
    given = parsed(parser)
    sweep(given.out, given.variants, given.seeds, given.epochs, given.device, given.keep)


if __name__ == "__main__":
    main()
