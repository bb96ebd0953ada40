"""The page's picture: stereograms that judge, and the motorcycle, with what StereoNet sees.

`python -m reference.stereonet.figure docs/methods/stereonet.png --textures CHECKPOINT` takes the
experiment's training on photographs' textures for the motorcycle; without it, the shipped weights,
which learnt dots.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from harness.files import write_bytes
from reference.stereonet import METHOD
from reference.stereonet.checkpoint import read_checkpoint
from reference.stereonet.data import judging
from reference.stereonet.matching import ssd_costs, ssd_soft_argmin
from reference.stereonet.metrics import predict
from reference.stereonet.motorcycle import at_full_size, load_motorcycle
from reference.stereonet.networks import StereoNet
from reference.stereonet.pictures import coloured, png

if TYPE_CHECKING:
    from harness.method import Images

STEREOGRAMS = 2
# Of every picture in the figure.
HEIGHT, WIDTH = 160, 320


def figure(network: StereoNet, of_real: StereoNet) -> bytes:
    """Return the PNG: left picture, truth, windows, StereoNet's volume, and refined.

    Args:
        network: For the stereograms.
        of_real: For the motorcycle.
    """
    pairs = judging(STEREOGRAMS)
    assert pairs.disparity is not None
    disparities = network.structure.disparities
    costs = ssd_costs(torch.from_numpy(pairs.left), torch.from_numpy(pairs.right), disparities)
    levels = predict(network, pairs.left, pairs.right)
    windows = ssd_soft_argmin(costs)
    rows = []
    for number in range(len(pairs)):
        maps = [
            pairs.disparity[number],
            *(one[number].numpy() for one in (windows, levels[0], levels[-1])),
        ]
        shown = [coloured(one[0], float(pairs.disparity[number].max())) for one in maps]
        rows.append([pairs.left[number].transpose(1, 2, 0), *shown])
    rows.append(_motorcycle(of_real))
    return png([[_scaled(one) for one in row] for row in rows])


def _motorcycle(network: StereoNet) -> list[Images]:
    """Return the left picture, truth, windows, volume and refined, of the real pair."""
    pair = load_motorcycle()
    refined, _ = at_full_size(network, pair)
    unrefined, _ = at_full_size(network, pair, level=0)
    most = float(pair.disparity.max())
    left, right = torch.from_numpy(pair.left), torch.from_numpy(pair.right)
    windows = ssd_soft_argmin(ssd_costs(left, right, round(most) + 1))[0, 0].numpy()
    shown = [coloured(one, most) for one in (pair.disparity[0, 0], windows, unrefined, refined)]
    return [pair.left[0].transpose(1, 2, 0), *shown]


def _scaled(picture: Images) -> Images:
    """Bring a picture to the figure's height, in the middle of a white ground."""
    width = min(WIDTH, round(picture.shape[1] * HEIGHT / picture.shape[0]))
    resized = Image.fromarray(picture).resize((width, HEIGHT), Image.Resampling.BILINEAR)
    ground = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    start = (WIDTH - width) // 2
    ground[:, start : start + width] = np.asarray(resized)
    return ground


def main() -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--textures", type=Path, default=METHOD.shipped())
    given = parser.parse_args()
    networks = (read_checkpoint(path).network() for path in (METHOD.shipped(), given.textures))
    write_bytes(given.out, figure(*networks))


if __name__ == "__main__":
    main()
