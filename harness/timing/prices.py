"""What each amount costs: the constants of the law, each with its source.

Nothing here was measured on a board by this project. `ns` is what a fit to published figures
(`harness.timing.published`) makes of `prior_ns`, our guess from clocks, bus widths and the
runtimes' sources; where nothing is published it stays there. `spread` says how far the guess may
be off: a factor of it in either direction is one standard deviation. The guesses were made with
the figures known, so that figures held out of a fit are no full test of them.
`python -m harness.timing.validation` fits again, and a test holds this file to what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Clocks that the prices are for.
CPU_HZ = KPU_HZ = 400e6
# Half the width of the interval around a prediction, as a share of it: the most that is asked for.
# docs/prediction.md says how many held-out figures it holds.
SPAN = 0.35


@dataclass(frozen=True)
class Price:
    """One constant.

    Attributes:
        ns: Nanoseconds of one unit, with CPU and KPU at 400 MHz.
        prior_ns: What we took it for before the fit.
        spread: Factor by which the guess may be off.
        unit: What one unit is.
        source: What the fit saw of it.
    """

    ns: float
    prior_ns: float
    spread: float
    unit: str
    source: str


PRICES: Mapping[str, Price] = {
    "run": Price(223_522, 200_000, 3, "start of a run by the firmware", "seen in sums only"),
    "kpu_layer": Price(
        19_481,
        20_000,
        3,
        "start of a KPU layer",
        "nncase issues 77, 95 and 96: layers of 0.02 to 0.3 ms",
    ),
    "kpu_cycle": Price(
        2.604,
        2.5,
        1.03,
        "line of 64 columns of a pair of channels",
        "one cycle of 400 MHz; all layers",
    ),
    "kpu_pair": Price(
        2.38, 2.5, 2.7, "pair of channels", "nncase issues 77 and 92: 1x1 layers of small maps"
    ),
    "weight_byte": Price(
        0.6534, 0.625, 1.35, "byte of weights", "8 bytes at 200 MHz; bbs.sipeed.com/t/topic/691"
    ),
    "dma_in_byte": Price(1.424, 1, 3, "byte that the DMA puts into KPU memory", "nncase issue 95"),
    "dma_out_byte": Price(
        13.08,
        1,
        3,
        "byte of a v3 layer's result, sent to main memory",
        "nncase issue 77, last layer",
    ),
    "copied_word": Price(
        229.7, 40, 3, "8 bytes that the CPU puts into KPU memory", "seen in sums only"
    ),
    "copied_byte": Price(
        84.82, 50, 3, "byte that the CPU moves from or to KPU memory", "nncase issues 81, 95 and 96"
    ),
    "v3_element": Price(45.36, 40, 3, "element in kpu.c", "nncase issue 77: dequantize"),
    "v3_exponential": Price(1228, 1000, 3, "element of a softmax or sigmoid in kpu.c", "nothing"),
    "v3_mac": Price(60, 60, 3, "multiply-accumulate in kpu.c", "nothing"),
    "v4_convert": Price(
        30.6, 40, 3, "element (de)quantised by nncase 0.2", "nncase issues 95 and 96: dequantize"
    ),
    "v4_move": Price(36.23, 100, 3, "element moved by nncase 0.2", "sums of face detectors only"),
    "v4_arithmetic": Price(
        791, 200, 3, "element computed or reduced by nncase 0.2", "sums of face detectors only"
    ),
    "v4_exponential": Price(1025, 1000, 3, "element of a softmax in nncase 0.2", "nothing"),
    "v4_mac": Price(
        88.05,
        60,
        3,
        "multiply-accumulate in nncase 0.2",
        "RFB-320 with and without CPU convolutions; the product in sipeed 1790",
    ),
    "v5_contiguous": Price(
        50.69, 40, 3, "element of an optimised kernel of nncase 1.x", "sum of yolox_nano only"
    ),
    "v5_indexed": Price(
        653, 400, 3, "element of a reference kernel of nncase 1.x", "nncase issues 415 and 428"
    ),
    "v5_window": Price(
        224.9, 100, 3, "element of a pooling window in nncase 1.x", "sum of yolox_nano only"
    ),
    "v5_exponential": Price(1000, 1000, 3, "element of a softmax in nncase 1.x", "nothing"),
    "v5_mac": Price(100, 100, 3, "multiply-accumulate in nncase 1.x", "nothing"),
}
