"""All rules of v4."""

from __future__ import annotations

from harness.convert.v4 import (
    elementwise,
    kpu,
    placement,
    quantization,
    reduction,
    resize,
    windows,
)
from harness.convert.v4.registry import rule

_ROOMS = (elementwise, kpu, placement, quantization, reduction, resize, windows)
RULES = rule
