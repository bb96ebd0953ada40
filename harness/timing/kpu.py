"""The KPU's speed law.

No maker's document gives it: the form and the constants below are fitted to two published sets
of measurements of single layers. Nothing here was measured on a board by this project.

- cycles: 1x1 and 3x3 kernels cost the same; a line of up to 16, 32 or 64 columns costs 1/4, 1/2
  or 1 cycle for every pair of channels. Fits a sweep of 128-channel layers from 16x16 to
  256x256 at 300 MHz (bbs.sipeed.com/t/topic/691): the 4x4 map there takes as long as a 16x4 one.
- overhead and weight load: least squares over the 1x1 layers of a MobileNet at 400 MHz
  (github.com/kendryte/nncase issue 92).

Depthwise layers of the second set took 0.24 to 0.28 ms, less than the overhead alone: part of it
can hide behind other work. Take single layers as good to 30 %.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.kmodel.operations.kpu import KpuConv2d

DEFAULT_CLOCK_HZ = 400e6
OVERHEAD_MS = 0.296
WEIGHTS_MS_PER_KB = 2.41e-3
RELATIVE_ERROR = 0.3


@dataclass(frozen=True)
class LayerTime:
    """Estimated time of one KPU layer.

    Attributes:
        compute_ms: Cycles over clock.
        overhead_ms: Fixed cost of starting the layer, once an image.
        weights_ms: Loading of the weights, once an image.
    """

    compute_ms: float
    overhead_ms: float
    weights_ms: float

    @property
    def ms(self) -> float:
        """All together."""
        return self.compute_ms + self.overhead_ms + self.weights_ms


def line_cycles(width: int) -> float:
    """Return the cycles that one line of `width` columns takes for a pair of channels."""
    if width <= 16:
        return 0.25
    return 0.5 if width <= 32 else float(-(-width // 64))


def cycles(width: int, height: int, channels_in: int, channels_out: int, depthwise: bool) -> float:
    """Return the cycles of a layer on one image.

    Args:
        width: Columns of the convolution, before pooling.
        height: Lines of the convolution.
        channels_in: Input channels.
        channels_out: Output channels.
        depthwise: Whether each output channel reads one input channel only.
    """
    pairs = channels_out * (1 if depthwise else channels_in)
    return pairs * height * line_cycles(width)


def layer_time(layer: KpuConv2d, clock_hz: float = DEFAULT_CLOCK_HZ) -> LayerTime:
    """Return the estimated time of a layer.

    Args:
        layer: The layer, with all its images.
        clock_hz: Clock of the KPU.
    """
    batches, channels, height, width = layer.input.shape
    one = cycles(width, height, channels, layer.output.shape[1], layer.depthwise)
    return LayerTime(
        compute_ms=batches * one / clock_hz * 1e3,
        overhead_ms=batches * OVERHEAD_MS,
        weights_ms=batches * layer.weights.nbytes / 1024 * WEIGHTS_MS_PER_KB,
    )
