"""The small experiment: all of DTN against DTN less a term and the baseline, over seeds.

`python -m reference.dtn.experiment --out FILE.json` trains what the file does not hold yet, one
variant and seed after the other, and adds each as soon as it is done. Variants of one seed share
f and the judge. With `--keep FOLDER` the checkpoints stay too: that of `full` is the one that
`k210 train dtn` gives with the same seed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.files import write_json
from harness.method import TrainJob
from reference.dtn.checkpoint import Checkpoint, weights_of
from reference.dtn.data import load_domains
from reference.dtn.metrics import by_rarity, judged
from reference.dtn.settings import VARIANTS, Settings
from reference.dtn.train import DEFAULT_EPOCHS, describe, pretrain
from reference.dtn.trainer import Trainer

SEEDS = (0, 1, 2)
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

Row = dict[str, Any]


@dataclass(frozen=True)
class Sweep:
    """What is trained.

    Attributes:
        variants: Names of `VARIANTS`.
        seeds: One training of each variant with each.
        epochs: Passes over S.
        device: PyTorch device name.
        keep: Folder for checkpoints; None for none.
    """

    variants: Sequence[str] = VARIANTS
    seeds: Sequence[int] = SEEDS
    epochs: int = DEFAULT_EPOCHS
    device: str = "cpu"
    keep: Path | None = None


def sweep(path: Path, asked: Sweep) -> None:
    """Train what is missing in a JSON file of results, and keep it there."""
    rows: list[Row] = json.loads(path.read_text())["rows"] if path.is_file() else []
    done = {(row["variant"], row["seed"]) for row in rows}
    for seed in asked.seeds:
        missing = [variant for variant in asked.variants if (variant, seed) not in done]
        for row, words in _of_one_seed(missing, seed, asked):
            rows.append(row)
            common = {name: words[name] for name in ("epochs", "settings", "data")}
            common["settings"] = {**common["settings"], "variant": "as in the row"}
            write_json(path, common | {"torch": torch.__version__, "rows": rows})
            print(json.dumps(row), flush=True)


def summary(rows: Sequence[Row]) -> dict[str, dict[str, tuple[float, float]]]:
    """Return mean and standard deviation over seeds, by variant and metric."""
    return {
        variant: {
            name: _spread([row["metrics"][name] for row in rows if row["variant"] == variant])
            for name in rows[0]["metrics"]
        }
        for variant in VARIANTS
    }


def table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a Markdown table, a line a variant."""
    found = summary(rows)
    lines = [f"| | {' | '.join(COLUMNS.values())} |", f"|---{'|---' * len(COLUMNS)}|"]
    for variant, metrics in found.items():
        cells = (_cell(*metrics[name], alone=len(rows) == len(VARIANTS)) for name in COLUMNS)
        lines.append(f"| {NAMES[variant]} | {' | '.join(cells)} |")
    return lines


def _of_one_seed(
    variants: Sequence[str], seed: int, asked: Sweep
) -> Iterator[tuple[Row, dict[str, Any]]]:
    if not variants:
        return
    domains = load_domains(None)
    job = TrainJob(Path(), seed=seed, device=asked.device, epochs=asked.epochs)
    classifier, judge = pretrain(job, Settings(), domains, domains.classes)
    for variant in variants:
        started, settings = time.monotonic(), Settings(variant=variant)
        trainer = Trainer(classifier.encoder, domains, settings, seed, asked.device)
        for epoch in range(asked.epochs):
            trainer.run_epoch(epoch)
        transfer, words = trainer.transfer.eval(), describe(job, settings, domains)
        found = judged(classifier, transfer, judge, domains.source_test, domains.target_test)
        if asked.keep:
            weights = weights_of(classifier, transfer, judge)
            kept = Checkpoint(weights, domains.classes, settings.width, variant, words, dict(found))
            kept.save(asked.keep / f"{variant}-{seed}.safetensors")
        metrics = {**found, **by_rarity(transfer, judge, domains.source_test)}
        yield _row(variant, seed, metrics, time.monotonic() - started), words


def _row(variant: str, seed: int, metrics: Mapping[str, float], seconds: float) -> Row:
    rounded = {name: round(value, 6) for name, value in metrics.items()}
    return {"variant": variant, "seed": seed, "metrics": rounded, "seconds": round(seconds)}


def _cell(mean: float, deviation: float, *, alone: bool) -> str:
    return f"{mean:.3f}" if alone else f"{mean:.3f} ± {deviation:.3f}"


def _spread(values: Sequence[float]) -> tuple[float, float]:
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def main() -> None:
    """Run the sweep as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int, default=DEFAULT_EPOCHS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    asked = Sweep(given.variants, given.seeds, given.epochs, given.device, given.keep)
    sweep(given.out, asked)


if __name__ == "__main__":
    main()
