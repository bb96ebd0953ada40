"""All rules of v3, and what a v3 file as a whole can say."""

from __future__ import annotations

from collections.abc import Sequence

from harness.convert.draft import Draft
from harness.convert.v3 import arithmetic, kpu, placement, quantization
from harness.convert.v3.registry import rule
from harness.errors import ConversionError
from harness.kmodel.memory import Buffer, Memory
from harness.kmodel.operations import FullyConnected, KpuConv2d, KpuUpload

_ROOMS = (arithmetic, kpu, placement, quantization)
RULES = rule


def input_places(draft: Draft, inputs: Sequence[Buffer]) -> list[Buffer]:
    """Return where the firmware puts the input: what the first layer reads.

    Raises:
        ConversionError: It is not the first layer, or not it alone, that reads the input.
    """
    if len(inputs) != 1:
        raise ConversionError(f"a kmodel v3 has one input, this one {len(inputs)}", "convert to v4")
    (given,) = inputs
    first = draft.operations[0] if draft.operations else None
    if isinstance(first, KpuUpload) and first.input.pool is given.pool:
        raise ConversionError(
            "the input is read a second time: the firmware puts it into KPU memory only",
            "convert to v4, or let only the first KPU layer look at the picture",
        )
    if not isinstance(first, KpuConv2d | FullyConnected):
        raise ConversionError(
            "a kmodel v3 begins with a KPU layer or a full connection, this one with "
            + (f"a {first.kind()}" if first else "none"),
            "convert to v4, or let the model take one uint8 picture into a KPU layer",
        )
    place = draft.inputs.get(given.pool.name) or given
    same = place == first.input if place.memory is Memory.KPU else _whole(first.input, place)
    if not same:
        raise ConversionError(
            f"the input does not go into the first layer, a {first.kind()}, as it is",
            "convert to v4, or let the model take a uint8 picture of 4x4 or more",
        )
    return [first.input]


def _whole(read: Buffer, given: Buffer) -> bool:
    return read.pool is given.pool and read.elements == given.elements
