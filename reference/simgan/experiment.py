"""The small experiment: do estimators learn more from refined pictures than from synthetic ones.

    python -m reference.simgan.experiment --out docs/methods/simgan.json --seeds 0 1 2

Each line of the result is one refiner, `full` or with a part left out, and the estimators trained
on its pictures, several on each set; all are judged on the same photographs, whose directions
nothing was trained on. What the file holds already is not done again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.files import write_json
from reference.simgan.data import (
    HELD_OUT_SEED,
    TRAIN_SEED,
    Gaze,
    Pictures,
    as_floats,
    labelled_photographs,
    rendered_pictures,
)
from reference.simgan.estimator import fit_estimator, gaze_metrics, refine
from reference.simgan.eyes import render
from reference.simgan.history import Row
from reference.simgan.settings import Settings
from reference.simgan.shift import iris_shift
from reference.simgan.train import ROW_STEPS, new_networks
from reference.simgan.trainer import ACCURACY, Trainer

# What each variant changes.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "full": {},
    "no self-regularisation": {"weight": 0.0},
}
# Sizes of the estimators' training sets, in parts of the smallest; the largest is all there is.
SIZES = (1, 4, 16, 64)
MOST = f"{SIZES[-1]}x"
# Estimators on each set, of other starts and orders: what one of them says is chance for a part.
ESTIMATORS = 2
PHOTOGRAPHS = 500
# Share of pictures within 7 degrees, table 2.
PAPER_WITHIN = {
    "synthetic 1x": "62.3 %",
    "synthetic 4x": "64.9 %",
    "synthetic 16x": "",
    f"synthetic {MOST}": "",
    "refined 1x": "69.4 %",
    "refined 4x": "87.2 %",
    "refined 16x": "",
    f"refined {MOST}": "",
    f"labelled photographs {MOST}": "",
}


def measure(variant: str, seed: int, settings: Settings, device: str = "cpu") -> dict[str, Any]:
    """Train one refiner and the estimators on its pictures; return all figures of it."""
    settings = replace(settings, **VARIANTS[variant])
    pictures = rendered_pictures(settings.synthetic, settings.real)
    trainer, rows = play(pictures, settings, seed, device)
    games = [row.terms[ACCURACY] for row in rows if row.phase == "game"]
    found: dict[str, Any] = {
        "variant": variant,
        "seed": seed,
        "discriminator_accuracy": {"first": games[0], "last": games[-1]},
        "iris_shift_px": _shift(trainer, pictures, device),
    }
    found["estimators"] = _estimators(variant, trainer, pictures, seed, device)
    return found


def play(
    pictures: Pictures, settings: Settings, seed: int, device: str = "cpu"
) -> tuple[Trainer, list[Row]]:
    """Do all steps of a training in memory."""
    trainer = Trainer(new_networks(settings, seed), pictures, settings, seed, device)
    rows: list[Row] = []
    while not rows or rows[-1].step < trainer.total:
        start = rows[-1].step if rows else 0
        rows.append(trainer.run(start, trainer.boundary(start, ROW_STEPS)))
    trainer.refiner.eval()
    return trainer, rows


def figure(row: Mapping[str, Any], name: str, key: str) -> float:
    """Return the mean over the estimators that were trained on one set of a line."""
    return float(np.mean([one[key] for one in row["estimators"][name]]))


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return mean and standard deviation over the seeds: variant, estimator → figures."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for variant in dict.fromkeys(row["variant"] for row in rows):
        same = [row for row in rows if row["variant"] == variant]
        for name in same[0]["estimators"]:
            errors = [figure(row, name, "gaze_error_deg") for row in same]
            within = [figure(row, name, "within_7_deg") for row in same]
            found.setdefault(variant, {})[name] = {
                "gaze_error_deg": float(np.mean(errors)),
                "gaze_error_deg_std": float(np.std(errors, ddof=1)) if len(same) > 1 else 0.0,
                "within_7_deg": float(np.mean(within)),
                "within_7_deg_std": float(np.std(within, ddof=1)) if len(same) > 1 else 0.0,
            }
    return found


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the figures as the page shows them, beside those of the paper's table 2."""
    full = summary(rows)["full"]
    lines = [
        "| trained on | error, degrees | within 7 degrees | in the paper, real eyes |",
        "|---|---|---|---|",
    ]
    for name, published in PAPER_WITHIN.items():
        one = full[name]
        lines.append(
            f"| {name} | {one['gaze_error_deg']:.1f} ± {one['gaze_error_deg_std']:.1f} "
            f"| {one['within_7_deg']:.1%} ± {one['within_7_deg_std']:.1%} | {published} |"
        )
    return "\n".join(lines)


def labels_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what becomes of the labels with each variant, as the page shows it."""
    lines = [
        "| | iris moved, mean pixels | error of the estimator, degrees | within 7 degrees |",
        "|---|---|---|---|",
    ]
    for variant, found in summary(rows).items():
        shifts = [row["iris_shift_px"]["mean"] for row in rows if row["variant"] == variant]
        one = found[f"refined {MOST}"]
        lines.append(
            f"| {variant} | {np.mean(shifts):.1f} ± {np.std(shifts, ddof=1):.1f} "
            f"| {one['gaze_error_deg']:.1f} ± {one['gaze_error_deg_std']:.1f} "
            f"| {one['within_7_deg']:.1%} ± {one['within_7_deg_std']:.1%} |"
        )
    return "\n".join(lines)


def _estimators(
    variant: str, trainer: Trainer, pictures: Pictures, seed: int, device: str
) -> dict[str, list[dict[str, float]]]:
    """Return what estimators reach on photographs, by what they were trained on."""
    settings = trainer.settings
    judges = labelled_photographs(PHOTOGRAPHS)
    found: dict[str, list[dict[str, float]]] = {}
    for name, (images, gaze) in _sets(variant, trainer, pictures, device).items():
        # The first is the one that a training with this seed leaves in its checkpoint.
        for start in range(seed, seed + 1000 * ESTIMATORS, 1000):
            estimator = fit_estimator(
                images,
                gaze,
                width=settings.width,
                hidden=settings.hidden,
                steps=settings.estimator_steps,
                seed=start,
                device=device,
            )
            reached = gaze_metrics(estimator, _floats(judges.images), judges.gaze)
            found.setdefault(name, []).append(reached)
    return found


def _sets(
    variant: str, trainer: Trainer, pictures: Pictures, device: str
) -> dict[str, tuple[Tensor, Gaze]]:
    """Return labelled pictures to learn from; a smaller set is the beginning of a larger one."""
    refined = refine(trainer.refiner, pictures.synthetic.images, device)
    if pictures.gaze is None:
        raise ValueError("an estimator cannot be trained without directions")
    if variant != "full":
        return {f"refined {MOST}": (refined, pictures.gaze)}
    sets = {}
    for kind, images in (("synthetic", _floats(pictures.synthetic.images)), ("refined", refined)):
        for size in SIZES:
            count = len(images) * size // SIZES[-1]
            sets[f"{kind} {size}x"] = images[:count], pictures.gaze[:count]
    camera = render(len(refined), TRAIN_SEED, "camera")
    return sets | {f"labelled photographs {MOST}": (_floats(camera.images), camera.gaze)}


def _floats(images: npt.NDArray[np.uint8]) -> Tensor:
    return as_floats(torch.from_numpy(images))


def _shift(trainer: Trainer, pictures: Pictures, device: str) -> dict[str, float]:
    """Return how far the iris of held-out eyes moves when they are refined."""
    before = _floats(pictures.held_out.images).numpy()
    after = refine(trainer.refiner, pictures.held_out.images, device).numpy()
    shift = iris_shift(before, after, render(len(before), HELD_OUT_SEED, "synthetic").iris)
    return {"mean": float(shift.mean()), "p95": float(np.percentile(shift, 95))}


def main() -> None:
    """Measure what is missing, and write it after each refiner."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    rows = json.loads(asked.out.read_text())["rows"] if asked.out.exists() else []
    for variant in asked.variants:
        for seed in asked.seeds:
            if any((row["variant"], row["seed"]) == (variant, seed) for row in rows):
                continue
            rows.append(measure(variant, seed, Settings(), asked.device))
            command = f"python -m {__spec__.name} --out {asked.out.name} --seeds 0 1 2"
            write_json(asked.out, {"command": command, "summary": summary(rows), "rows": rows})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
