"""How sure a share is."""

from __future__ import annotations

import math

# Two-sided 95 % quantile of the normal distribution.
_Z95 = 1.959963984540054


def wilson_interval(hits: int, total: int, z: float = _Z95) -> tuple[float, float]:
    """Return Wilson's score interval of `hits` out of `total` (E. B. Wilson, JASA 22, 1927).

    With nothing counted, nothing is known: (0, 1).
    """
    if total == 0:
        return 0.0, 1.0
    share, square = hits / total, z * z
    centre = (share + square / (2 * total)) / (1 + square / total)
    spread = z / (1 + square / total)
    spread *= math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    # At 0 and 1 the ends are exact; rounding must not push them past the share.
    return min(share, max(0.0, centre - spread)), max(share, min(1.0, centre + spread))


def confusion(
    labels: list[int], predictions: list[int], classes: int
) -> tuple[tuple[int, ...], ...]:
    """Return counts by `[true class][predicted class]`; a row adds up to its class's size."""
    table = [[0] * classes for _ in range(classes)]
    for label, prediction in zip(labels, predictions, strict=True):
        table[label][prediction] += 1
    return tuple(tuple(row) for row in table)
