"""Channels and sizes of SimGAN's networks at width 1.0, and what they cost, in plain arithmetic.

Source: A. Shrivastava et al., https://arxiv.org/abs/1612.07828, appendix; as two public versions of
it agree on them, too. The estimator's hidden layers could not be confirmed beyond the fact that
its convolutions without padding end in 9600 features of a 55 x 35 picture.
"""

from __future__ import annotations

# Gaze: grey pictures, height x width.
EYE = (35, 55)
REFINER_CHANNELS = 64
EYE_BLOCKS, HAND_BLOCKS = 4, 10
EYE_STEM, HAND_STEM = 3, 7
DISCRIMINATOR_CHANNELS = (96, 64, 32, 32)
ESTIMATOR_CHANNELS = (32, 32, 64, 80, 192)
ESTIMATOR_HIDDEN = 1000
# Classes of the discriminator's two logits a place.
REFINED, REAL = 0, 1
# Feature transforms of the self-regularisation, which `losses.py` defines.
TRANSFORM_NAMES = ("identity", "colour_mean")


def scaled(channels: int, width: float) -> int:
    """Return a channel count of width 1.0 at another width, at least 1."""
    return max(1, round(channels * width))


def refiner_parameters(width: float, blocks: int = EYE_BLOCKS, channels: int = 1) -> int:
    """Return the number of weights of a refiner with a 3x3 stem."""
    inner = scaled(REFINER_CHANNELS, width)
    body = 2 * blocks * (9 * inner * inner + inner)
    return (9 * channels * inner + inner) + body + (inner * channels + channels)


def refiner_macs(width: float, blocks: int = EYE_BLOCKS, size: tuple[int, int] = EYE) -> int:
    """Return multiply-accumulates of a refiner with a 3x3 stem for one grey picture."""
    inner = scaled(REFINER_CHANNELS, width)
    return size[0] * size[1] * (9 * inner + 2 * blocks * 9 * inner * inner + inner)


def deployed_parameters(width: float, blocks: int = EYE_BLOCKS) -> int:
    """Return the number of weights of a refiner whose residual blocks are unrolled."""
    inner = scaled(REFINER_CHANNELS, width)
    return (10 * inner) + blocks * (36 * inner * inner + 3 * inner) + (inner + 1)


def deployed_macs(width: float, blocks: int = EYE_BLOCKS, size: tuple[int, int] = EYE) -> int:
    """Return multiply-accumulates of a refiner whose residual blocks are unrolled."""
    inner = scaled(REFINER_CHANNELS, width)
    return size[0] * size[1] * (9 * inner + blocks * 36 * inner * inner + inner)
