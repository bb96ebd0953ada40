"""One batch through every column: each operation behind its own column, and with exact inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.blame.flow import MOVES, PLACEMENTS, QUANTIZERS, Flow
from harness.blame.graph import Graph, Values
from harness.blame.link import Link
from harness.blame.result import Column
from harness.blame.tally import Floats, Tally, powers
from harness.blame.units import Codes, Sums, unrounded_codes
from harness.kmodel.memory import DType
from harness.kmodel.operations import KpuConv2d, Operation
from harness.simulator.dataflow import Key

# (operation, column, alone) → error.
Tallies = dict[tuple[str, Column, bool], Tally]


@dataclass
class _State:
    """What one column has got so far.

    Attributes:
        values: Real numbers, or codes in column `kpu`, by the program's results.
        tensors: The float model's tensors as this column has them.
    """

    values: dict[Key, Tensor] = field(default_factory=dict)
    tensors: Values = field(default_factory=dict)


@dataclass
class Ranges:
    """Least, greatest and clipped values of one operation's float result."""

    low: float = float("inf")
    high: float = float("-inf")
    channels: Tensor | None = None
    clipped: int = 0
    count: int = 0

    def add(self, values: Tensor, codes: Codes | None) -> None:
        """Look at a batch [N, C, …]; what is no number does not count."""
        low, high = torch.aminmax(values.flatten(2), dim=2) if values.dim() > 2 else (values,) * 2
        if not bool(torch.isfinite(low).all() and torch.isfinite(high).all()):
            self.add(values.nan_to_num(0.0, 0.0, 0.0), codes)
            return
        least, greatest = float(low.min()), float(high.max())
        self.low, self.high = min(self.low, least), max(self.high, greatest)
        if values.dim() > 2:
            largest = torch.maximum(low.abs(), high.abs()).amax(0)
            seen = self.channels
            self.channels = largest if seen is None else torch.maximum(seen, largest)
        if codes is not None:
            half = codes.scale / 2
            self.count += values.numel()
            if greatest > codes.high + half:
                self.clipped += int((values > codes.high + half).sum())
            if least < codes.low - half:
                self.clipped += int((values < codes.low - half).sum())


class Columns:
    """Runs batches through the columns of a model and keeps the errors.

    Args:
        flow: The program, whose codes are known.
        graph: The float model.
        links: What belongs together.
        given: What the bytes of the input stand for.
    """

    def __init__(self, flow: Flow, graph: Graph, links: Mapping[str, Link], given: Codes) -> None:
        self.flow, self.graph, self.links, self.given = flow, graph, links, given
        self.tallies: Tallies = {}
        self.outputs: dict[tuple[str, Column], Tally] = {}
        self.ranges: dict[str, Ranges] = {}
        # Operations whose float values are not all numbers.
        self.not_finite: set[str] = set()
        self._sums = {
            name: self._sums_of(link, link.operation)
            for name, link in links.items()
            if isinstance(link.operation, KpuConv2d)
        }
        # Power of each float result in the batch at hand, by operation.
        self._signal: dict[str, Floats] = {}

    def _sums_of(self, link: Link, layer: KpuConv2d) -> Sums:
        known = self.flow.codes_of_input(layer.name)[0] or self.given
        return Sums(layer, known.scale, link.unit if link.tensor else 1.0)

    @torch.inference_mode()
    def add(
        self,
        floats: Values,
        codes: Tensor,
        outputs: Values,
        answers: Mapping[tuple[str, Column], Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Run a batch and add its errors.

        Args:
            floats: Every tensor of the float model.
            codes: The bytes that went in, uint8 [N, C, H, W].
            outputs: The exported model's outputs.
            answers: What others gave for an operation, by operation and column: all elements of
                its result as the kmodel stores it, in order, for the same pictures.

        Returns:
            The outputs of column `kpu` by the names of the program's ports.
        """
        port = self.flow.program.inputs[0]
        key, name = (port.name, 0), self.graph.input
        picture = floats[name].reshape(len(codes), *port.buffer.shape)
        exact = _State({key: picture}, floats)
        ideal: dict[Column, _State] = {
            column: _State({key: picture}, {name: floats[name]})
            for column in ("weights", "activations")
        }
        chip = _State({key: codes.reshape(len(codes), *port.buffer.shape)})
        for operation in self.flow.program.operations:
            link = self.links[operation.name]
            self._exact(link, exact)
            for column, state in ideal.items():
                self._ideal(link, column, state, exact)
            self._chip(link, chip, exact)
        for (name, column), value in (answers or {}).items():
            self._answered(self.links[name], column, value, exact)
        return self._outputs(outputs, ideal, chip)

    def _exact(self, link: Link, exact: _State) -> None:
        """Put the float result where readers look for it."""
        operation = link.operation
        if link.tensor and link.place is not None:
            value = link.place.spread(exact.tensors[link.tensor])
        else:
            value = self._real(
                link, "weights", self.flow.inputs(operation.name, exact.values), exact
            )
        self._store(exact, operation, value)
        seen = _seen(link, value)
        ranges = self.ranges.setdefault(operation.name, Ranges())
        if operation.output.dtype in (DType.U8, DType.F32):
            ranges.add(seen, link.codes)
        if is_row(operation):
            self._signal[operation.name] = powers(seen)
            if link.tensor and not bool(torch.isfinite(seen).all()):
                self.not_finite.add(operation.name)

    def _ideal(self, link: Link, column: Column, state: _State, exact: _State) -> None:
        operation = link.operation
        inputs = self.flow.inputs(operation.name, state.values)
        for read, value in zip(link.reads, inputs, strict=True):
            if read is not None and read.tensor not in state.tensors:
                state.tensors[read.tensor] = read.place.gather(value)
        own = self._real(link, column, inputs, state)
        self._store(state, operation, own)
        if link.tensor and link.place is not None:
            state.tensors[link.tensor] = link.place.gather(own)
        if not is_row(operation):
            return
        self._compare(link, column, False, own, exact)
        given = self.flow.inputs(operation.name, exact.values)
        if column == "activations":
            given = [
                codes.rounded(value) if codes is not None else value
                for value, codes in zip(
                    given, self.flow.codes_of_input(operation.name), strict=True
                )
            ]
        self._compare(link, column, True, self._real(link, column, given, exact), exact)

    def _chip(self, link: Link, chip: _State, exact: _State) -> None:
        operation = link.operation
        result = self.flow.on_codes(operation, self.flow.inputs(operation.name, chip.values))
        self._store(chip, operation, result)
        if not is_row(operation):
            return
        self._compare(link, "kpu", False, self._decoded(link, result), exact)
        given = self.flow.inputs(operation.name, exact.values)
        alone = self.flow.run_layer(operation, [_known(value) for value in given])
        self._compare(link, "kpu", True, self._decoded(link, alone), exact)

    def _answered(self, link: Link, column: Column, value: Tensor, exact: _State) -> None:
        """Compare what somebody else gave for a whole result with the float one."""
        operation = link.operation
        whole = value.reshape(len(value), *operation.output.shape)
        step = self.flow.steps.get(operation.name, 1)
        picked = whole[..., ::step, ::step] if step > 1 else whole
        self._compare(link, column, False, self._decoded(link, picked), exact)

    def _compare(
        self, link: Link, column: Column, alone: bool, value: Tensor, exact: _State
    ) -> None:
        """Add a column's result of an operation to its errors."""
        name = link.operation.name
        reference = exact.values[name, 0]
        if not link.tensor:  # what has no counterpart before it has none here either
            value = value.where(torch.isfinite(reference), 0.0)
        tally = self.tallies.setdefault((name, column, alone), Tally())
        tally.add(_seen(link, reference), _seen(link, value), self._signal[name])

    def _decoded(self, link: Link, value: Tensor) -> Tensor:
        return link.codes.decode(value) if link.codes is not None else value.float()

    def _real(self, link: Link, column: Column, inputs: list[Tensor], state: _State) -> Tensor:
        """Return an operation's result in real numbers, rounded where the column rounds."""
        operation = link.operation
        if isinstance(operation, KpuConv2d):
            found = self._convolved(link, operation, inputs[0])
        elif link.tensor and not isinstance(operation, (*MOVES, *PLACEMENTS)):
            found = self._computed(link, inputs, state)
        elif isinstance(operation, (*MOVES, *PLACEMENTS)) or link.codes is None:
            found = self.flow.exact(operation, inputs)
        else:  # codes out of codes, and nobody knows which function that is
            found = link.codes.decode(self.flow.run_layer(operation, inputs))
        rounds = isinstance(operation, QUANTIZERS) or not isinstance(
            operation, (*MOVES, *PLACEMENTS)
        )
        if column == "activations" and link.codes is not None and rounds:
            found = link.codes.rounded(found)
        return found

    def _convolved(self, link: Link, layer: KpuConv2d, x: Tensor) -> Tensor:
        """Return what a layer gives with the kmodel's weights and the float activation."""
        step, picked = self.flow.steps.get(layer.name, 1), layer.name in self.flow.picked
        sums = self._sums[layer.name](_known(x).flatten(0, 1), step, picked)
        sums = torch.unflatten(sums, 0, x.shape[:2])
        if not link.tensor or link.place is None or link.linear_place is None:
            assert link.codes is not None
            return link.codes.decode(unrounded_codes(layer, sums))
        known = {link.linear: link.linear_place.gather(sums)}
        return link.place.spread(self.graph.evaluate(known, link.tensor))

    def _computed(self, link: Link, inputs: list[Tensor], state: _State) -> Tensor:
        """Return what the float model computes of what this column has."""
        known = {
            read.tensor: read.place.gather(value)
            for read, value in zip(link.reads, inputs, strict=True)
            if read is not None
        }
        known = {name: state.tensors[name] for name in link.sources} | known
        assert link.place is not None
        return link.place.spread(self.graph.evaluate(known, link.tensor))

    def _store(self, state: _State, operation: Operation, value: Tensor) -> None:
        for index in range(len(operation.outputs)):
            state.values[operation.name, index] = value

    def add_outputs(
        self, exported: Values, column: Column, outputs: Sequence[npt.NDArray[np.float32]]
    ) -> None:
        """Compare the model's outputs, in file order, that something else gave for a batch."""
        for name, found in zip(self.graph.outputs, outputs, strict=True):
            value = torch.from_numpy(found).reshape(exported[name].shape).float()
            self.outputs.setdefault((name, column), Tally()).add(exported[name], value)

    def _outputs(
        self, exported: Values, ideal: Mapping[Column, _State], chip: _State
    ) -> dict[str, Tensor]:
        """Compare the model's outputs, and return those of the chip."""
        found = {}
        for port, name in zip(self.flow.program.outputs, self.graph.outputs, strict=True):
            reference = exported[name]
            states: dict[Column, _State] = {**ideal, "kpu": chip}
            for column, state in states.items():
                value = self.flow.inputs(port.name, state.values)[0]
                value = value.reshape(reference.shape).float()
                self.outputs.setdefault((name, column), Tally()).add(reference, value)
                if column == "kpu":
                    found[port.name] = value
        return found


def is_row(operation: Operation) -> bool:
    """Return whether an operation can lose anything: the others move values only."""
    if isinstance(operation, QUANTIZERS):
        return True
    return not isinstance(operation, (*MOVES, *PLACEMENTS))


def _seen(link: Link, value: Tensor) -> Tensor:
    """Return of a result [N, *shape] what the float tensor has, [N, …]; 0 for what nobody has."""
    if link.tensor and link.place is not None:
        return link.place.gather(value).float()
    found = value.float().nan_to_num(0.0, 0.0, 0.0)
    return found.flatten(0, 1) if found.dim() > 2 else found


def _known(value: Tensor) -> Tensor:
    return torch.nan_to_num(value, 0.0) if value.is_floating_point() else value
