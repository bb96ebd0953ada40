"""A real pair with its true disparity: the motorcycle of Middlebury 2014, out of scikit-image.

`python -m reference.stereonet.motorcycle FOLDER` writes it as `--data` wants it. The pair is from
D. Scharstein et al., High-Resolution Stereo Datasets with Subpixel-Accurate Ground Truth,
GCPR 2014; scikit-image has it at a quarter of its size, 741 x 500 pixels.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from harness.errors import DataError
from harness.files import write_bytes
from reference.stereonet.losses import known
from reference.stereonet.matching import ssd_argmin, ssd_costs, ssd_soft_argmin
from reference.stereonet.metrics import errors, predict
from reference.stereonet.networks import StereoNet
from reference.stereonet.pairs import DISPARITY, LEFT, RIGHT, write_disparity

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

    Map = npt.NDArray[np.float32]

NAME = "motorcycle"
# Its disparities reach 60 pixels.
DISPARITIES = 64


@dataclass(frozen=True)
class RealPair:
    """A pair at its own size.

    Attributes:
        left: uint8 [1, 3, H, W].
        right: The same.
        disparity: float32 [1, 1, H, W], in pixels, 0 where unknown.
    """

    left: Images
    right: Images
    disparity: Map


def load_motorcycle() -> RealPair:
    """Return the pair.

    Raises:
        DataError: scikit-image is not installed, or came without it.
    """
    try:
        from skimage.data import stereo_motorcycle

        left, right, disparity = stereo_motorcycle()  # type: ignore[no-untyped-call]
    except (ImportError, OSError, ValueError) as error:
        raise DataError(
            f"scikit-image cannot give its stereo pair: {error}",
            "pip install 'k210-harness[reference]'",
        ) from error
    truth = np.where(np.isfinite(disparity), disparity, 0).astype(np.float32)
    left, right = (np.ascontiguousarray(side.transpose(2, 0, 1)[None]) for side in (left, right))
    return RealPair(left, right, truth[None, None])


def at_full_size(
    network: StereoNet, pair: RealPair, disparities: int = DISPARITIES, level: int = -1
) -> tuple[Map, dict[str, float]]:
    """Run a network over the whole pair, with as many planes as its disparities need.

    The networks are convolutions: they take any size that 2ᴷ divides, and any number of planes.
    The pair is padded by its edge to such a size. `level` is that of the hierarchy, 0 before
    refinement.

    Returns:
        Disparities, float32 [H, W], and `errors` over all pixels with a known disparity.
    """
    wider = network.with_disparities(disparities)
    height, width = pair.left.shape[2:]
    missing = [-side % network.structure.scale for side in (height, width)]
    padding = ((0, 0), (0, 0), (0, missing[0]), (0, missing[1]))
    padded = (np.pad(side, padding, mode="edge") for side in (pair.left, pair.right))
    found = predict(wider, *padded)[level][..., :height, :width]
    truth = torch.from_numpy(pair.disparity)
    return found[0, 0].numpy(), errors(found, truth, known(truth, disparities))


def of_windows(pair: RealPair, disparities: int = DISPARITIES) -> dict[str, dict[str, float]]:
    """Return `errors` of 7x7 windows of squares with soft arg min, and of the median."""
    truth = torch.from_numpy(pair.disparity)
    valid = known(truth, disparities)
    costs = ssd_costs(torch.from_numpy(pair.left), torch.from_numpy(pair.right), disparities)
    median = truth[valid].median().expand_as(truth)
    found = {"soft": ssd_soft_argmin(costs), "argmin": ssd_argmin(costs), "median": median}
    return {name: errors(one, truth, valid) for name, one in found.items()}


def write_motorcycle(folder: Path, *, blind: bool = False) -> None:
    """Write the pair as a user's data: `left/`, `right/` and, unless `blind`, `disparity/`."""
    pair = load_motorcycle()
    for side, pixels in ((LEFT, pair.left), (RIGHT, pair.right)):
        buffer = io.BytesIO()
        Image.fromarray(pixels[0].transpose(1, 2, 0)).save(buffer, "PNG")
        write_bytes(folder / side / f"{NAME}.png", buffer.getvalue())
    if not blind:
        write_disparity(folder / DISPARITY / f"{NAME}.png", pair.disparity[0, 0])


def main() -> None:
    """Write the pair into the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--blind", action="store_true", help="leave the true disparity out")
    given = parser.parse_args()
    write_motorcycle(given.folder, blind=given.blind)


if __name__ == "__main__":
    main()
