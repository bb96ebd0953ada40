"""Multiply-accumulates and weights of each operation.

The KPU computes at full resolution and throws away what a stride does not want. `executed` is
what it does; `nominal` is what the network asks for, as papers count it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import prod

from harness.kmodel.dataflow import Sources, producers
from harness.kmodel.memory import Memory
from harness.kmodel.operations import (
    Conv2d,
    Conv2dTranspose,
    Dequantize,
    FullyConnected,
    KpuAddPadding,
    KpuConv2d,
    KpuDownload,
    KpuUpload,
    MatMul,
    Operation,
    Pad,
    Pooling,
    Quantize,
    QuantizedConv2d,
    QuantizedMatMul,
    Slice,
)
from harness.kmodel.program import Program

# These poolings take one value of each window: the others need not have been computed.
PICKS = frozenset(
    {
        Pooling.NONE,
        Pooling.LEFT_TOP_2_STRIDE_2,
        Pooling.RIGHT_TOP_2_STRIDE_2,
        Pooling.LEFT_TOP_4_STRIDE_4,
    }
)

# These give each element its place again.
ELEMENTWISE = (KpuUpload, KpuDownload, Dequantize, Quantize)


@dataclass(frozen=True)
class Work:
    """What one operation computes.

    Attributes:
        nominal: Multiply-accumulates that the network asks for.
        executed: Multiply-accumulates that are done.
        weight_bytes: Bytes of weights and biases in the file; KPU layers without their tables.
    """

    nominal: int
    executed: int
    weight_bytes: int


def work(program: Program) -> dict[str, Work]:
    """Return the work of each operation by name."""
    sources = producers(program)
    steps = _needed_steps(program, sources)
    found = {}
    for operation in program.operations:
        if isinstance(operation, KpuConv2d):
            point = _is_padded_point(program, sources, operation)
            found[operation.name] = _kpu_work(operation, steps[operation.name], point)
        else:
            macs = cpu_macs(operation)
            constants = [b for b in operation.inputs if b.memory is Memory.CONSTANT]
            nominal = 0 if _is_sum_or_product(operation) else macs
            found[operation.name] = Work(nominal, macs, sum(b.nbytes for b in constants))
    return found


def _kpu_work(layer: KpuConv2d, step: int, point: bool) -> Work:
    batches, _, height, width = layer.input.shape
    each = batches * prod(layer.weights.shape)
    lines, columns = height, width
    if layer.pooling in PICKS:
        lines, columns = (-(-size // step) for size in layer.output.shape[2:])
    nominal = each if point else each * lines * columns
    return Work(nominal, each * height * width, layer.weights.nbytes)


def _needed_steps(program: Program, sources: Sources) -> dict[str, int]:
    """Return, for each operation, the step at which its output is looked at.

    A depthwise layer with stride 2 runs at full resolution, and the 1x1 layer behind it picks
    every second value: the depthwise layer was asked for a quarter of what it computes.
    """
    wanted: dict[str, list[int]] = defaultdict(list)
    for port in program.outputs:
        for source in sources[port.name][0]:
            wanted[source.producer or ""].append(1)
    steps: dict[str, int] = {}
    for operation in reversed(program.operations):
        step = steps[operation.name] = min(wanted[operation.name], default=1)
        reads = _read_step(operation, step)
        for source in (s for parts in sources[operation.name] for s in parts):
            wanted[source.producer or ""].append(reads)
    return steps


def _read_step(operation: Operation, step: int) -> int:
    """Return the step at which an operation looks at its input, if its output is at `step`."""
    if isinstance(operation, KpuConv2d):
        picks = operation.kernel == 1 and operation.pooling in PICKS
        return operation.pooling.stride * step if picks else 1
    if isinstance(operation, Slice):
        lines, columns = operation.strides[-2:] if len(operation.strides) > 1 else (1, 1)
        return columns * step if lines == columns > 0 else 1
    return step if isinstance(operation, ELEMENTWISE) else 1


def _is_padded_point(program: Program, sources: Sources, layer: KpuConv2d) -> bool:
    """Return whether the input is a single pixel, widened to the 4x4 that the KPU needs."""
    by_name = {operation.name: operation for operation in program.operations}
    operation: Operation | None = layer
    while operation is not None:
        parts = sources[operation.name][0]
        operation = by_name.get(parts[0].producer or "") if len(parts) == 1 else None
        if isinstance(operation, KpuAddPadding):
            return True
        if isinstance(operation, Pad):
            return operation.input.shape[2:] == (1, 1)
        if not isinstance(operation, KpuUpload | Quantize):
            return False
    return False


def _is_sum_or_product(operation: Operation) -> bool:
    """Return whether each element is but scaled or shifted, by a matrix product of one column."""
    return isinstance(operation, MatMul) and operation.is_column


def cpu_macs(operation: Operation) -> int:
    """Return the multiply-accumulates of an operation on the CPU; 0 where it has none."""
    if isinstance(operation, Conv2d | QuantizedConv2d):
        channels = operation.output.shape[-1 if operation.channels_last else 1]
        return operation.output.elements * operation.inputs[1].elements // channels
    if isinstance(operation, Conv2dTranspose):
        return operation.input.elements * operation.inputs[1].elements // operation.input.shape[1]
    if isinstance(operation, MatMul | QuantizedMatMul):
        return operation.output.elements * operation.input.shape[-1]
    return operation.inputs[1].elements if isinstance(operation, FullyConnected) else 0
