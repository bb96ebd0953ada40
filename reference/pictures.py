"""What networks make of pictures, as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images


def to_bytes(pictures: npt.NDArray[np.float32]) -> Images:
    """Turn pictures of −1 to 1 into bytes; what lies beyond is cut."""
    return np.asarray(np.clip((pictures + 1) * 127.5, 0, 255).round(), np.uint8)
