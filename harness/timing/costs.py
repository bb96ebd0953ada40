"""What a step asks of the chip: amounts, each of which has a price in `constants`.

The time of a step is the sum of its amounts times their prices. No maker's document gives this
law; its form follows published measurements of single layers, and the sources of the runtimes:

- The KPU takes one cycle for each line of 64 columns of each pair of an input and an output
  channel, as long for 1x1 as for 3x3 kernels; lines of up to 16 or 32 columns take a quarter or a
  half (bbs.sipeed.com/t/topic/691: a 4x4 map takes as long as a 16x4 one). Each pair costs some
  cycles more, each byte of weights a time, and each layer a start (github.com/kendryte/nncase
  issues 77, 92, 95 and 96).
- The DMA brings in the input of v3 and v4 models where its width is a multiple of 64 (other
  widths are copied in words of 8 bytes), and takes out the results of v3 layers. Everything else
  between main and KPU memory is copied by the CPU: in words in v3's `kpu.c`, byte by byte in
  nncase (`kpu_upload`, `kpu_download` in its `k210_kernels.h`), which is slow since the KPU's
  memory is not cached.
- Operations on the CPU cost a time for each element, or for each multiply-accumulate; the three
  runtimes differ, and nncase 1.x within itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from harness.kmodel.program import Version
from harness.timing.steps import INPUT, TRANSFERS, CpuStep, KpuStep, Network, Step

Amounts = Mapping[str, float]

RUN = "run"
KPU_LAYER, KPU_CYCLE, KPU_PAIR = "kpu_layer", "kpu_cycle", "kpu_pair"
WEIGHT_BYTE, DMA_IN_BYTE, DMA_OUT_BYTE = "weight_byte", "dma_in_byte", "dma_out_byte"
WORD, BYTE = "copied_word", "copied_byte"
# These follow the clock of the KPU; the rest that of the CPU, but for what waits for memory.
KPU_CLOCKED = frozenset({KPU_CYCLE, KPU_PAIR})
UNCLOCKED = frozenset({WEIGHT_BYTE, DMA_IN_BYTE, DMA_OUT_BYTE})

RUNTIMES: Mapping[Version, str] = {3: "v3", 4: "v4", 5: "v5"}
MAC, EXPONENTIAL = "mac", "exponential"
EXPONENTIALS = frozenset(("sigmoid", "softmax"))
# nncase 0.2 has one loop for each of these kinds.
V4_CONVERSIONS = frozenset(("dequantize", "lut1d", "quantize"))
V4_ARITHMETIC = frozenset(
    (
        "binary",
        "quantized_binary",
        "reduce",
        "reduce_window2d",
        "unary",
        "unary_program",
    )
)
# What nncase 1.x does over contiguous memory (`src/kernels/cpu/optimized`); all else goes through
# an index for each element (`src/kernels/cpu/reference`), windows through one for each of theirs.
V5_CONTIGUOUS = frozenset(
    (
        "concat",
        "copy",
        "dequantize",
        "gather",
        "gather_nd",
        "one_hot",
        "quantize",
        "resize",
        "slice",
    )
)
V5_WINDOWS = frozenset(("reduce_window2d", "roi_align"))


def line_cycles(width: int) -> float:
    """Return the cycles that one line of `width` columns takes for a pair of channels."""
    if width <= 16:
        return 0.25
    return 0.5 if width <= 32 else float(-(-width // 64))


def cycles(layer: KpuStep) -> float:
    """Return the cycles that a layer computes, all its images together."""
    width, height = layer.size
    return layer.batches * layer.pairs * height * line_cycles(width)


def price_of(step: CpuStep, version: Version) -> str:
    """Return the name of the price of an element, or of a multiply-accumulate, on the CPU."""
    runtime = RUNTIMES[version]
    if step.macs:
        return f"{runtime}_{MAC}"
    if step.kind in EXPONENTIALS:
        return f"{runtime}_{EXPONENTIAL}"
    return f"{runtime}_{_group(step.kind, version)}"


def _group(kind: str, version: Version) -> str:
    if version == 3:
        return "element"
    if version == 4:
        arithmetic = "arithmetic" if kind in V4_ARITHMETIC else "move"
        return "convert" if kind in V4_CONVERSIONS else arithmetic
    indexed = "window" if kind in V5_WINDOWS else "indexed"
    return "contiguous" if kind in V5_CONTIGUOUS else indexed


def amounts(step: Step, version: Version) -> Amounts:
    """Return what a step asks for, by price."""
    if isinstance(step, KpuStep):
        return _kpu_amounts(step, version)
    if step.kind == RUN:
        return {RUN: 1.0}
    if step.kind in TRANSFERS:
        return _transfer(step, version)
    return {price_of(step, version): step.macs or step.elements}


def total(network: Network, start: bool = True) -> Amounts:
    """Return what all steps of a network ask for together.

    Args:
        network: What runs.
        start: Whether the start of the run is in it; sums of a log's lines lack it.
    """
    steps = (amounts(step, network.version) for step in network.steps)
    return added([*steps, {RUN: 1.0}] if start else steps)


def added(several: Iterable[Amounts]) -> Amounts:
    """Return sums by price."""
    sums: Counter[str] = Counter()
    for one in several:
        sums.update(one)
    return sums


def _kpu_amounts(layer: KpuStep, version: Version) -> Amounts:
    found = {
        KPU_LAYER: float(layer.batches),
        KPU_CYCLE: cycles(layer),
        KPU_PAIR: float(layer.batches * layer.pairs),
        WEIGHT_BYTE: float(layer.batches * layer.loaded),
    }
    if layer.copied:
        found[DMA_OUT_BYTE if version == 3 else BYTE] = layer.copied
    return found


def _transfer(step: CpuStep, version: Version) -> Amounts:
    if step.kind == INPUT and step.width % 64 == 0:
        return {DMA_IN_BYTE: step.elements}
    if step.kind == INPUT or (version == 3 and step.width % 8 == 0):
        return {WORD: step.elements / 8}
    return {BYTE: step.elements}
