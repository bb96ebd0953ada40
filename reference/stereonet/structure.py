"""Sizes of StereoNet's networks, in plain arithmetic.

Kernels, strides and dilations are those of the paper as two public implementations have them;
which layers have a bias is what makes the counts of andrewlstewart/StereoNet_PyTorch: those
before a batch norm have none in the residual blocks, and one in the 3-D filter.
"""

from __future__ import annotations

from dataclasses import dataclass

CHANNELS = 32
BLOCKS = 6
FILTERS = 4
DILATIONS = (1, 2, 4, 8, 1, 1)
COLOURS = 3


@dataclass(frozen=True)
class Structure:
    """What StereoNet is built from.

    Attributes:
        channels: Of all inner layers; 32 in the paper.
        levels: K: the cost volume has 1/2ᴷ of the picture's sides.
        refiners: K where every doubling is refined ("multi"), or 1 from 1/2ᴷ to full ("single").
        disparities: D: disparities from 0 to below D pixels are looked for.
    """

    channels: int = CHANNELS
    levels: int = 3
    refiners: int = 3
    disparities: int = 192

    @property
    def scale(self) -> int:
        """Pixels of the picture that one cell of the cost volume stands for, 2ᴷ."""
        return 1 << self.levels

    @property
    def planes(self) -> int:
        """Disparities of the cost volume."""
        return self.disparities // self.scale


def tower_parameters(structure: Structure) -> int:
    """Return the trained values of the Siamese tower."""
    channels = structure.channels
    strided = (25 * COLOURS + 1) * channels + (structure.levels - 1) * (
        25 * channels + 1
    ) * channels
    return strided + BLOCKS * _block_parameters(channels) + (9 * channels + 1) * channels


def filter_parameters(structure: Structure) -> int:
    """Return the trained values of the 3-D filter of the cost volume."""
    channels = structure.channels
    return FILTERS * (27 * channels + 3) * channels + 27 * channels + 1


def refiner_parameters(structure: Structure) -> int:
    """Return the trained values of one refiner."""
    channels = structure.channels
    first = (9 * (COLOURS + 1) + 1) * channels
    return first + len(DILATIONS) * _block_parameters(channels) + 9 * channels + 1


def parameters(structure: Structure) -> int:
    """Return the trained values of the whole network."""
    refiners = structure.refiners * refiner_parameters(structure)
    return tower_parameters(structure) + filter_parameters(structure) + refiners


def tower_macs(structure: Structure, height: int, width: int) -> int:
    """Return multiply-accumulates of the tower for one picture."""
    count, inputs, pixels = 0, COLOURS, height * width
    for _ in range(structure.levels):
        pixels //= 4
        count += 25 * inputs * structure.channels * pixels
        inputs = structure.channels
    return count + (2 * BLOCKS + 1) * 9 * inputs**2 * pixels


def _block_parameters(channels: int) -> int:
    return 2 * (9 * channels + 2) * channels
