"""How long a program takes on a K210, estimated from what is published about it."""

from __future__ import annotations

from harness.timing.estimate import Estimate, estimate
from harness.timing.kpu import DEFAULT_CLOCK_HZ, LayerTime, layer_time

__all__ = ["DEFAULT_CLOCK_HZ", "Estimate", "LayerTime", "estimate", "layer_time"]
