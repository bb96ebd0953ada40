"""Photographs to dress rendered scenes with: those that come with scikit-image.

Its stereo pair is not among them: that one judges.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from harness.method import Images

TO_LEARN_FROM = (
    "astronaut",
    "brick",
    "camera",
    "cell",
    "chelsea",
    "clock",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "page",
    "retina",
)
TO_JUDGE_BY = ("coffee", "rocket")


@cache
def photographs(names: tuple[str, ...]) -> tuple[Images, ...]:
    """Return photographs by name, uint8 [3, H, W] each; grey ones have three like channels.

    Raises:
        DataError: scikit-image is not installed, or came without them.
    """
    try:
        from skimage import data

        found = [np.asarray(getattr(data, name)()) for name in names]
    except (ImportError, AttributeError, OSError, ValueError) as error:
        raise DataError(
            f"scikit-image cannot give its photographs: {error}",
            "pip install 'k210-harness[reference]'",
        ) from error
    coloured = [one if one.ndim == 3 else np.stack([one] * 3, axis=-1) for one in found]
    return tuple(np.ascontiguousarray(one.transpose(2, 0, 1)) for one in coloured)
