"""What nncase 1.9 writes follows from a few numbers: a file that says otherwise is not its work.

Weights and batch norm follow from the float weights (`harness.blame.parameters`). The registers of
a layer follow from its sizes and from the zero point of what it reads, its activation table joins
its segments without jumps, and whatever an operation reads, one before it has written. Found so in
all 2908 layers of 500 models that nncase 1.9.0 compiled for this harness; the largest jump behind
the first segment was 3.8 codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.blame.units import WEIGHT_ZERO
from harness.kmodel import Program
from harness.kmodel import operations as kinds
from harness.kmodel.dataflow import producers
from harness.kmodel.layout import row_layout
from harness.kmodel.operations import KpuConv2d, Operation
from harness.kmodel.tables import ActivationTable

# A segment starts where the one before it ends, to so many codes.
MOST_JUMP = 6.0
# The first segment begins below all that a layer can give.
_FIRST_START = -(1 << 35)
# Registers that every layer of nncase 1.9 has alike.
_FIXED = {
    "interrupt": 0,
    "ram_flag": 0,
    "full_add": 0,
    "pad_type": 0,
    "first_stride": 0,
    "bypass_convolution": 0,
    "load_parameters": 1,
    "dma_burst": 15,
    # The file says elsewhere where the tables stand.
    "batch_norm_address": 0,
    "weights_address": 0,
    "activation_address": 0,
    "send_data_out": 0,
    "load_order": 1,
    "coefficient_column_offset": 0,
    "coefficient_row_offset": 0,
    "coefficient_size": 0,
    "load_activation": 1,
    "shift_w": 0,
    "shift_x": 0,
    "arg_x": -WEIGHT_ZERO,
}


# These read one whole map as it was written.
_WHOLE = (KpuConv2d, kinds.KpuDownload)


@dataclass(frozen=True)
class Breach:
    """Something that nncase would have written otherwise.

    Attributes:
        layer: Operation of the kmodel.
        text: What it is, with what it should be.
    """

    layer: str
    text: str


def breaches(program: Program) -> list[Breach]:
    """Return what nncase 1.9 would have written otherwise, in running order."""
    found: list[Breach] = []
    flow = list(_flow(program))
    for operation in program.operations:
        found += [one for one in flow if one.layer == operation.name]
        found += [Breach(operation.name, text) for text in _texts(operation)]
    return found


def _flow(program: Program) -> Iterator[Breach]:
    """Yield what does not read the one map before it, and results that nobody reads."""
    sources = producers(program)
    read = {one.producer for inputs in sources.values() for input_ in inputs for one in input_}
    for operation in program.operations:
        for parts in sources[operation.name]:
            if any(one.producer is None for one in parts):
                yield Breach(operation.name, "it reads memory that nothing before it has written")
            elif isinstance(operation, _WHOLE) and not (len(parts) == 1 and parts[0].exact):
                names = " and ".join(dict.fromkeys(str(one.producer) for one in parts))
                yield Breach(operation.name, f"it reads a part of {names} as if it were a map")
        if operation.name not in read:
            yield Breach(operation.name, "nothing reads its result")


def _texts(operation: Operation) -> Iterator[str]:
    if isinstance(operation, kinds.KpuUpload) and not operation.input.contiguous:
        yield f"it reads its map with strides {operation.input.strides}, and nncase packs maps"
    if isinstance(operation, KpuConv2d):
        yield from _registers(operation)
        yield from _table(operation.activation)


def _registers(layer: KpuConv2d) -> Iterator[str]:
    for name, expected in _expected(layer).items():
        value = getattr(layer.registers, name)
        if value != expected:
            yield f"its register {name} is {value}, and nncase makes it {expected}"
    for number, word in enumerate(layer.registers.reserved):
        if word:
            yield f"unused bits of its register {number} are {word:#x}, and nncase leaves them 0"


def _expected(layer: KpuConv2d) -> dict[str, int]:
    """Return registers by name, as they follow from the others."""
    given = layer.registers
    into, out = row_layout(given.in_width), row_layout(given.out_width)
    plane = given.out_width * given.out_height
    zero = _zero_point(layer)
    return {
        **_FIXED,
        "arg_w": -zero,
        "pad_value": zero,
        "arg_add": layer.kernel**2 * WEIGHT_ZERO * zero,
        "read_line_rows": into.row_len,
        "read_channel_rows": into.row_len * given.in_height,
        "read_channels_per_row": into.groups,
        "write_line_rows": out.row_len,
        "write_channel_rows": out.row_len * given.out_height,
        "write_channels_per_row": out.groups,
        "loads": -(-given.out_channels // given.out_channels_per_load),
        "load_bytes": given.out_channels_per_load * layer.weights[0].size,
        "dma_channel_bytes": plane,
        "dma_total_bytes": plane * given.out_channels,
    }


def _zero_point(layer: KpuConv2d) -> int:
    """Return the zero point of what a layer reads: two of the three registers that hold it say."""
    given = layer.registers
    by_sum = given.arg_add // (layer.kernel**2 * WEIGHT_ZERO)
    return int(np.median([-given.arg_w, given.pad_value, by_sum]))


def _table(table: ActivationTable) -> Iterator[str]:
    starts = table.start
    steps = np.diff(starts)
    if starts[0] != _FIRST_START or (steps < 0).any():
        yield "the segments of its activation table do not stand in order"
        return
    slopes = table.multiplier / 2.0 ** table.shift.astype(np.float64)
    ends = np.clip(steps * slopes[:-1] + table.bias[:-1], 0, 255)
    # Where the first segment ends there is nothing that a layer gives: there it may jump.
    jumps = np.where(steps > 0, np.abs(ends - table.bias[1:]), 0.0)[1:]
    if jumps.max() > MOST_JUMP:
        segment = int(jumps.argmax()) + 2
        yield (
            f"its activation table jumps by {jumps.max():.0f} codes at segment {segment} "
            f"(limit {MOST_JUMP:.0f})"
        )
