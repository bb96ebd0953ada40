"""A program as a PyTorch module that can be trained, and the program that it becomes.

What it computes is what `harness.simulator.Simulator` computes of the program that `trained`
returns, to the bit, at every moment of the training: the KPU's layers are the simulator's, made
anew of the numbers of the moment.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import UsageError
from harness.finetune.layer import TrainableLayer
from harness.finetune.operations import (
    BytesBetween,
    Stop,
    TrainableDequantize,
    TrainableQuantize,
    as_floats,
    trainable_operation,
    trainable_read,
)
from harness.finetune.ranges import find_ranges
from harness.kmodel.operations import KpuConv2d, Operation
from harness.kmodel.program import Program
from harness.simulator import Simulator
from harness.simulator.dataflow import Reader
from harness.simulator.rules import Rules
from harness.simulator.simulator import Inputs, exact_sums


class TrainableProgram(Simulator):
    """A program whose registers, tables and weights are trained.

    Bytes inside, and outputs that are bytes, are float32 of the same value. Parameters: those of
    `harness.finetune.parameters` for each KPU layer, and `ranges.N`, the logarithm of a factor on
    the step of one feature map (see `harness.finetune.ranges`).

    Args:
        program: What `harness.kmodel.load` returns.
        rules: See `Simulator`.
        device: PyTorch device that computes.

    Attributes:
        found: The maps whose step may change.
        stops: Names of operations, and of inputs of operations, that pass no gradient on.

    Raises:
        UsageError: The program has no layer on the KPU, or there is no such device.
        SimulationError: An operation is not supported; it is named.
    """

    def __init__(
        self, program: Program, rules: Rules = "nncase-0.2", device: str | torch.device = "cpu"
    ) -> None:
        super().__init__(program, rules, device)
        if not any(isinstance(operation, KpuConv2d) for operation in program.operations):
            raise UsageError("the kmodel has no layer on the KPU that could be trained")
        self.found = find_ranges(program, self.reads, self.rules)
        ranges = [nn.Parameter(torch.zeros(())) for _ in range(self.found.count)]
        self.ranges = nn.ParameterList(ranges)
        self.stops: list[str] = []
        for operation in program.operations:
            self.layers[operation.name] = self._trainable(operation)
        self._replace_reads()
        self.to(device)

    def forward(self, x: Inputs) -> dict[str, Tensor]:
        """Run a batch with a gradient; see `Simulator.forward`."""
        values = {key: as_floats(value) for key, value in self._bind(x).items()}
        with exact_sums(self._device()):
            return self._run(values)

    def trained(self) -> Program:
        """Return the program with the numbers of this moment in its registers and tables."""
        operations = [self._encoded(operation) for operation in self.program.operations]
        return replace(self.program, operations=tuple(operations))

    def confine(self) -> None:
        """Keep parameters where they have a gradient; to be called behind each step."""
        for layer in self.layers.values():
            if isinstance(layer, TrainableLayer):
                layer.parameters_.confine()

    def _trainable(self, operation: Operation) -> nn.Module:
        layer: Any = self.layers[operation.name]
        both = self.found.read, self.found.written
        ends = (self._range(by.get(operation.name)) for by in both)
        if isinstance(operation, KpuConv2d):
            return TrainableLayer(operation, self.rules, *ends)
        trainable = trainable_operation(layer, *ends)
        if isinstance(trainable, Stop):
            self.stops.append(operation.name)
        return trainable

    def _range(self, index: int | None) -> nn.Parameter | None:
        return None if index is None else self.ranges[index]

    def _replace_reads(self) -> None:
        written = dict(Reader.of(self.program).written)
        buffers = {operation.name: operation.inputs for operation in self.program.operations}
        buffers |= {port.name: (port.buffer,) for port in self.program.outputs}
        for name, inputs in buffers.items():
            reads: Any = self.reads[name]
            for index, (read, buffer) in enumerate(zip(reads, inputs, strict=True)):
                trainable = trainable_read(read, buffer, written)
                if trainable is None:
                    self.stops.append(name)
                    trainable = BytesBetween(read, {key: written[key] for key in read.keys})
                reads[index] = trainable

    def _encoded(self, operation: Operation) -> Operation:
        layer = self.layers[operation.name]
        if isinstance(layer, TrainableLayer | TrainableQuantize | TrainableDequantize):
            return layer.encode()
        return operation
