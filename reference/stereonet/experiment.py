"""The small experiment: StereoNet at 1/4, 1/8, 1/16, in several steps and in one, and windows.

`python -m reference.stereonet.experiment --out FILE.json --work FOLDER` trains what the file does
not hold yet, one variant and seed after the other, each as `k210 train stereonet` would, into a
folder of its own below `--work`: a sweep that was cut goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.method import TrainJob
from reference.stereonet import motorcycle
from reference.stereonet.checkpoint import read_checkpoint
from reference.stereonet.data import Pairs, judging
from reference.stereonet.losses import known
from reference.stereonet.matching import ssd_argmin, ssd_costs, ssd_soft_argmin
from reference.stereonet.metrics import errors, judged
from reference.stereonet.motorcycle import at_full_size, load_motorcycle
from reference.stereonet.settings import Settings
from reference.stereonet.train import DEFAULT_EPOCHS, train
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

VARIANTS: dict[str, dict[str, str]] = {
    "multi_4": {},
    "single_4": {"refinement": "single"},
    "multi_8": {"levels": "3"},
    "multi_16": {"levels": "4"},
    "textures": {"scenes": "photographs", "levels": "3", "disparities": "64", "pairs": "800"},
}
NAMES = {
    "multi_4": "StereoNet, volume at 1/4, two refiners",
    "single_4": "volume at 1/4, one refiner",
    "multi_8": "volume at 1/8, three refiners",
    "multi_16": "volume at 1/16, four refiners",
    "textures": "volume at 1/8, learnt from photographs' textures",
    "soft": "7x7 windows of squares, soft arg min",
    "argmin": "7x7 windows of squares, arg min",
    "median": "median everywhere",
}
# Noise on the judging pairs, in parts of the grey range.
NOISES = (0.0, 0.02, 0.05)


def sweep(
    path: Path,
    work: Path,
    variants: Sequence[str] = tuple(VARIANTS),
    seeds: Sequence[int] = SEEDS,
    epochs: int = DEFAULT_EPOCHS,
    device: str = "cpu",
    options: Mapping[str, str] | None = None,
) -> None:
    """Train what is missing in a JSON file of results, and keep it there.

    Args:
        path: The file.
        work: Folder of the trainings.
        variants: Names of `VARIANTS`.
        seeds: One training of each variant with each.
        epochs: As in `k210 train`.
        device: PyTorch device name.
        options: More options of all trainings.
    """
    found = json.loads(path.read_text()) if path.is_file() else {}
    windows = found.get("windows") or {name: of_windows(noise) for name, noise in _noises()}
    real = found.get("real") or {
        name: rounded(one) for name, one in motorcycle.of_windows(load_motorcycle()).items()
    }

    def measure(variant: str, seed: int) -> Row:
        own = VARIANTS[variant] | dict(options or {})
        out = work / f"{variant}-{seed}"
        checkpoint = train(TrainJob(out, seed=seed, epochs=epochs, device=device, options=own))
        metrics = metrics_of(checkpoint) | of_real(checkpoint)
        return {"variant": variant, "seed": seed, "metrics": metrics}

    def document(rows: list[Row]) -> dict[str, Any]:
        common = {"epochs": epochs, "torch": torch.__version__}
        return common | {"rows": rows, "windows": windows, "real": real}

    measure_missing(path, [(v, s) for s in seeds for v in variants], measure, document)


def of_windows(noise: float) -> dict[str, dict[str, float]]:
    """Return the errors of windows of squares, and of the median, on the judging pairs."""
    pairs = judging(noise=noise)
    assert pairs.disparity is not None
    truth = torch.from_numpy(pairs.disparity)
    disparities = Settings().disparities
    valid = known(truth, disparities)
    costs = ssd_costs(torch.from_numpy(pairs.left), torch.from_numpy(pairs.right), disparities)
    found: dict[str, Tensor] = {
        "soft": ssd_soft_argmin(costs),
        "argmin": ssd_argmin(costs),
        "median": truth[valid].median().expand_as(truth),
    }
    return {name: rounded(errors(one, truth, valid)) for name, one in found.items()}


def table(results: Mapping[str, Any]) -> list[str]:
    """Return the page's table of end-point errors and bad pixels as lines of Markdown."""
    lines = [
        "| | end-point error, pixels | noise 0.02 | noise 0.05 | off by more than 1 pixel |",
        "|---|---|---|---|---|",
    ]
    for variant, metrics in summary(results["rows"]).items():
        alone = sum(row["variant"] == variant for row in results["rows"]) == 1
        cells = [
            cell(*metrics[name], alone=alone) for name in ("epe", "epe_noise_2", "epe_noise_5")
        ]
        cells.append(
            cell(*(100 * value for value in metrics["bad_1"]), alone=alone, digits=1) + " %"
        )
        lines.append(f"| {NAMES[variant]} | {' | '.join(cells)} |")
    for name in ("soft", "argmin", "median"):
        found = [results["windows"][noise][name] for noise, _ in _noises()]
        cells = [f"{one['epe']:.3f}" for one in found] + [f"{100 * found[0]['bad_1']:.1f} %"]
        lines.append(f"| {NAMES[name]} | {' | '.join(cells)} |")
    return lines


def real_table(results: Mapping[str, Any]) -> list[str]:
    """Return the page's table of the motorcycle: errors of the volume, and refined."""
    lines = [
        "| | end-point error, pixels | refined | off by more than 2 pixels | refined |",
        "|---|---|---|---|---|",
    ]
    for variant, metrics in summary(results["rows"]).items():
        alone = sum(row["variant"] == variant for row in results["rows"]) == 1
        levels = ("real_volume", "real")
        cells = [cell(*metrics[f"{one}_epe"], alone=alone, digits=2) for one in levels]
        for one in levels:
            share = (100 * value for value in metrics[f"{one}_bad_2"])
            cells.append(cell(*share, alone=alone, digits=1) + " %")
        lines.append(f"| {NAMES[variant]} | {' | '.join(cells)} |")
    for name, found in results["real"].items():
        percent = f"{100 * found['bad_2']:.1f} %"
        lines.append(f"| {NAMES[name]} | {found['epe']:.2f} | | {percent} | |")
    return lines


def levels_table(rows: Sequence[Row]) -> list[str]:
    """Return the page's table of end-point errors by level of the hierarchy."""
    found = summary(rows)
    lines = ["| | volume | refined 1 | 2 | 3 | 4 |", "|---|---|---|---|---|---|"]
    for variant, metrics in found.items():
        alone = sum(row["variant"] == variant for row in rows) == 1
        cells = [
            cell(*metrics[f"epe_{level}"], alone=alone) if f"epe_{level}" in metrics else ""
            for level in range(5)
        ]
        lines.append(f"| {NAMES[variant]} | {' | '.join(cells)} |")
    return lines


def metrics_of(checkpoint: Path) -> dict[str, float]:
    """Return a checkpoint's errors on the judging pairs, at every level and with noise."""
    network = read_checkpoint(checkpoint).network()
    found: dict[str, float] = {}
    for name, noise in _noises():
        of_noise = judged(network, *_arrays(judging(noise=noise)))
        if not noise:
            found |= of_noise
        else:
            found[f"epe_{name}"] = of_noise["epe"]
    return rounded(found)


def of_real(checkpoint: Path) -> dict[str, float]:
    """Return a checkpoint's errors on the motorcycle: `real_…`, and `real_volume_…` unrefined."""
    network, pair = read_checkpoint(checkpoint).network(), load_motorcycle()
    found: dict[str, float] = {}
    for prefix, level in (("real", -1), ("real_volume", 0)):
        _, of_level = at_full_size(network, pair, level=level)
        found |= {f"{prefix}_{name}": value for name, value in of_level.items()}
    return rounded(found)


def _arrays(pairs: Pairs) -> tuple[Any, Any, Any]:
    return pairs.left, pairs.right, pairs.disparity


def _noises() -> list[tuple[str, float]]:
    return [(f"noise_{round(100 * noise)}", noise) for noise in NOISES]


def main() -> None:
    """Run the sweep as the command line says."""
    parser = arguments(__doc__, VARIANTS)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=DEFAULT_EPOCHS)
    given = parsed(parser)
    sweep(given.out, given.work, given.variants, given.seeds, given.epochs, given.device)


if __name__ == "__main__":
    main()
