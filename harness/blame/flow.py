"""Walking a program in the units of the float model: real numbers where the K210 has codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from harness.blame.units import Codes
from harness.kmodel import operations as kinds
from harness.kmodel.memory import DType
from harness.kmodel.operations import KpuConv2d, Operation
from harness.simulator import Simulator
from harness.simulator.dataflow import Constant, Gathered, Key, Read

# These change the place of a value, or whether it is stored as a code, and nothing else.
MOVES = (
    kinds.KpuUpload,
    kinds.KpuDownload,
    kinds.Copy,
    kinds.Dequantize,
    kinds.DequantizeZeroPoint,
    kinds.Quantize,
    kinds.QuantizeZeroPoint,
)
# These move elements, and compute nothing.
PLACEMENTS = (
    kinds.Broadcast,
    kinds.Concat,
    kinds.Flatten,
    kinds.Pad,
    kinds.Slice,
    kinds.Transpose,
)
QUANTIZERS = (kinds.Quantize, kinds.QuantizeZeroPoint)
DEQUANTIZERS = (kinds.Dequantize, kinds.DequantizeZeroPoint)


class Flow:
    """Who reads what in a program, and how each operation runs on real numbers.

    Args:
        simulator: Of the program; what it picks only in part is kept in part here, too.
    """

    def __init__(self, simulator: Simulator) -> None:
        self.simulator, self.program = simulator, simulator.program
        self.steps = {pick.producer: pick.step for pick in simulator.picks}
        self.picked = {pick.consumer for pick in simulator.picks}
        self.codes: dict[Key, Codes] = {}
        self.operations = {one.name: one for one in self.program.operations}

    def keys(self, name: str) -> list[Key]:
        """Return the results that an operation, or a port, reads, in order."""
        reads: Any = self.simulator.reads[name]
        return [key for read in reads for key in read.keys]

    def consumers(self, key: Key) -> list[Operation]:
        """Return the operations that read a result."""
        return [one for one in self.program.operations if key in self.keys(one.name)]

    def shape(self, operation: Operation) -> tuple[int, ...]:
        """Return the shape of an operation's result, as far as it is computed."""
        shape, step = operation.output.shape, self.steps.get(operation.name, 1)
        return (*shape[:2], *(-(-side // step) for side in shape[2:])) if step > 1 else shape

    def inputs(self, name: str, values: Mapping[Key, Tensor]) -> list[Tensor]:
        """Return what an operation reads, [N, *shape] each; constants have N = 1."""
        reads: Any = self.simulator.reads[name]
        return [_read(read, values) for read in reads]

    def sources(self, name: str) -> list[list[Key]]:
        """Return the results that each input of an operation comes from; none for constants."""
        reads: Any = self.simulator.reads[name]
        return [list(read.keys) for read in reads]

    def zero_point(self, key: Key) -> float | None:
        """Return the code that the readers of a result take for zero; None if none says it."""
        for consumer in self.consumers(key):
            found = None
            if isinstance(consumer, KpuConv2d):
                found = float(-consumer.registers.arg_w / 2**consumer.registers.shift_w)
            elif isinstance(consumer, DEQUANTIZERS):
                stated = stated_codes(consumer)
                found = stated.zero_point if stated is not None else None
            elif _passes_codes(consumer):
                found = self.zero_point((consumer.name, 0))
            if found is not None:
                return found
        return None

    def stated(self, key: Key) -> Codes | None:
        """Return the scale that a dequantisation behind a result states, if there is one."""
        for consumer in self.consumers(key):
            if isinstance(consumer, DEQUANTIZERS):
                return stated_codes(consumer)
            found = self.stated((consumer.name, 0)) if _passes_codes(consumer) else None
            if found is not None:
                return found
        return None

    def same_codes(self, key: Key) -> set[Key]:
        """Return a result and all others that hold its codes, moved about at most."""
        found: set[Key] = set()
        waiting = [key]
        while waiting:
            key = waiting.pop()
            if key in found:
                continue
            found.add(key)
            waiting += [(one.name, 0) for one in self.consumers(key) if _passes_codes(one)]
            maker = self.operations.get(key[0])
            if maker is not None and _passes_codes(maker):
                waiting += self.keys(maker.name)
        return found

    def codes_of_input(self, name: str) -> list[Codes | None]:
        """Return what the codes of each input stand for; None for floats and constants."""
        reads: Any = self.simulator.reads[name]
        return [self.codes.get(read.keys[0]) if read.keys else None for read in reads]

    def run_layer(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        """Run the simulator's layer on real numbers, rounded to codes where it reads codes.

        Returns:
            [N, *shape]: floats, or codes where the layer gives codes.
        """
        given = []
        codes = self.codes_of_input(operation.name)
        for value, known, buffer in zip(inputs, codes, operation.inputs, strict=True):
            encoded = known is not None and buffer.dtype is DType.U8
            given.append(known.encode(value) if encoded and known else value)
        return self.on_codes(operation, given)

    def on_codes(self, operation: Operation, given: list[Tensor]) -> Tensor:
        """Run the simulator's layer on what it reads in the program."""
        layer = self.simulator.layers[operation.name]
        if isinstance(operation, KpuConv2d):
            step = self.steps.get(operation.name, 1)
            result = layer(*given, step=step, picked=operation.name in self.picked)
        else:
            result = layer(*given)
        first: Tensor = result[0] if isinstance(result, tuple) else result
        return first

    def exact(self, operation: Operation, inputs: list[Tensor]) -> Tensor:
        """Run a layer that computes floats, or moves elements, on real numbers, unrounded."""
        if isinstance(operation, MOVES):
            return inputs[0].reshape(len(inputs[0]), *self.shape(operation))
        known = self.codes_of_input(operation.name)[0]
        if known is None or operation.output.dtype is not DType.U8:
            return self.run_layer(operation, inputs)
        if isinstance(operation, kinds.Concat):
            pieces = [x.reshape(len(x), operation.outer, -1) for x in inputs]
            return torch.cat(pieces, 2).reshape(len(inputs[0]), *operation.output.shape)
        moved = self.on_codes(operation, [inputs[0] / known.scale + known.zero_point, *inputs[1:]])
        return (moved - known.zero_point) * known.scale


def _passes_codes(operation: Operation) -> bool:
    """Return whether an operation's result are codes that it was given."""
    moves = isinstance(operation, (*MOVES, *PLACEMENTS))
    return moves and operation.inputs[0].dtype is operation.output.dtype is DType.U8


def stated_codes(operation: Operation) -> Codes | None:
    """Return what the codes stand for between which and floats an operation translates."""
    if isinstance(operation, kinds.Quantize):
        return Codes(1 / operation.scale, operation.bias)
    if isinstance(operation, kinds.QuantizeZeroPoint):
        return Codes(1 / operation.scale, float(operation.zero_point))
    if isinstance(operation, kinds.Dequantize):
        # The bias is a whole number of steps, but for the last bits of its float.
        return Codes(operation.scale, float(round(-operation.bias / operation.scale)))
    if isinstance(operation, kinds.DequantizeZeroPoint):
        return Codes(1 / operation.scale, float(operation.zero_point))
    return None


def _read(read: Read, values: Mapping[Key, Tensor]) -> Tensor:
    if isinstance(read, Constant) or not isinstance(read, Gathered):
        return read(values)  # type: ignore[no-any-return]
    if read.dtype is not torch.uint8 or all(values[key].dtype is torch.uint8 for key in read.keys):
        return read(values)  # type: ignore[no-any-return]
    return _gathered(read, values)


def _gathered(read: Gathered, values: Mapping[Key, Tensor]) -> Tensor:
    """Gather real numbers as the simulator gathers the codes that they stand for."""
    parts = read.batch(values)
    memory = torch.zeros((len(parts[0]), read.size))
    for name, part in zip(read.written, parts, strict=True):
        memory[:, read.get_buffer(name)] = part
    return memory[:, read.read].reshape(len(memory), *read.shape)
