"""Layer table and sizes of MobileNet V1, in plain arithmetic.

Source: table 1 of A. Howard et al., MobileNets, https://arxiv.org/abs/1704.04861.
"""

from __future__ import annotations

WIDTHS = (0.25, 0.5, 0.75, 1.0)
SIZES = (96, 128, 160, 192, 224)

STEM_CHANNELS = 32
# Output channels at width 1.0 and stride of the thirteen separable convolutions.
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


def scaled(channels: int, width: float) -> int:
    """Return a channel count of width 1.0 at another width."""
    return int(channels * width)


def parameter_count(width: float, classes: int) -> int:
    """Return the number of trained values: weights, batch-norm scales and shifts, head."""
    inputs = scaled(STEM_CHANNELS, width)
    count = 3 * 9 * inputs + 2 * inputs
    for channels, _ in BLOCKS:
        outputs = scaled(channels, width)
        count += (9 + 2) * inputs + (inputs + 2) * outputs
        inputs = outputs
    return count + (inputs + 1) * classes


def mac_count(width: float, size: int, classes: int) -> int:
    """Return multiply-accumulates of all convolutions and the head for one square input.

    Args:
        width: Width multiplier.
        size: Side of the input in pixels.
        classes: Number of outputs.
    """
    inputs, side = scaled(STEM_CHANNELS, width), _halved(size)
    count = 3 * 9 * inputs * side**2
    for channels, stride in BLOCKS:
        outputs = scaled(channels, width)
        side = side if stride == 1 else _halved(side)
        count += (9 + outputs) * inputs * side**2
        inputs = outputs
    return count + inputs * classes


def batch_norm_channels(width: float) -> int:
    """Return how many channels are normalised in the whole network."""
    inputs = scaled(STEM_CHANNELS, width)
    count = inputs
    for channels, _ in BLOCKS:
        outputs = scaled(channels, width)
        count += inputs + outputs
        inputs = outputs
    return count


def _halved(side: int) -> int:
    return (side + 1) // 2
