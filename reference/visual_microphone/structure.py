"""Size of the deployed filters, in plain arithmetic."""

from __future__ import annotations

KERNEL = 3
# Across and down; each has a real and an imaginary part.
BANDS = 2
MAPS = 2 * BANDS
# Side of the picture that the K210 sees, by default.
SIDE = 64
# Fewer frames are no sound.
FEWEST_FRAMES = 32
# What bytes 0 and 255 stand for: the zeros that pad a picture are then a middle grey.
RANGE = (-0.5, 0.5)
# Pixels at the edges that see the padding.
MARGIN = KERNEL // 2


def deployed_parameters() -> int:
    """Return the number of weights."""
    return MAPS * KERNEL**2


def deployed_macs(side: int = SIDE) -> int:
    """Return multiply-accumulates for one picture."""
    return MAPS * KERNEL**2 * side**2
