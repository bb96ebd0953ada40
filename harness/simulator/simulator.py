"""A kmodel as a PyTorch module that computes what the K210 does, to the bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.errors import UsageError
from harness.kmodel.dataflow import producers
from harness.kmodel.operations import KpuConv2d, Operation
from harness.kmodel.program import Port, Program
from harness.simulator.dataflow import Key, Read, Reader
from harness.simulator.dtypes import TORCH
from harness.simulator.errors import unsupported
from harness.simulator.kpu.layer import KpuConv2dLayer
from harness.simulator.operations import FUNCTIONS, OLDER, Function
from harness.simulator.picks import find_picks
from harness.simulator.rules import Rules, check_rules

Batch = Tensor | npt.NDArray[np.generic]
Inputs = Batch | Sequence[Batch] | Mapping[str, Batch]


class CpuLayer(nn.Module):
    """One operation of the CPU; it gives a tuple where it has several outputs."""

    def __init__(self, operation: Operation, function: Function) -> None:
        super().__init__()
        self.operation, self.function = operation, function

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the output [batch, *shape], or all of them, for inputs [batch, *shape]."""
        found = self.function(self.operation, *inputs)
        several = found if isinstance(found, tuple) else (found,)
        shaped = tuple(
            value.reshape(value.shape[0], *buffer.shape)
            for value, buffer in zip(several, self.operation.outputs, strict=False)
        )
        return shaped if isinstance(found, tuple) else shaped[0]


class Simulator(nn.Module):
    """Runs a program on batches.

    `layers` holds one module an operation, by the operation's name: a forward hook on it sees
    what the operation read and wrote, each behind one more axis, the batch.

    Args:
        program: What `harness.kmodel.load` returns.
        rules: How the KPU rounds and picks segments; see `harness.simulator.rules`.
        device: PyTorch device that computes.

    Raises:
        SimulationError: An operation is not supported; it is named.
        UsageError: There is no such rule set, or no such device.
    """

    def __init__(
        self, program: Program, rules: Rules = "nncase-0.2", device: str | torch.device = "cpu"
    ) -> None:
        super().__init__()
        self.program, self.rules = program, check_rules(rules)
        check_device(device)
        sources, reader = producers(program), Reader.of(program)
        self.layers = nn.ModuleDict(
            {operation.name: self._layer(operation) for operation in program.operations}
        )
        wanted = [(o.name, o.inputs) for o in program.operations]
        wanted += [(port.name, (port.buffer,)) for port in program.outputs]
        self.reads = nn.ModuleDict(
            {
                name: nn.ModuleList(map(reader.read, buffers, sources[name]))
                for name, buffers in wanted
            }
        )
        self.uses = Counter(key for key in self._keys())
        self.picks = find_picks(program, self.reads, self.uses)
        self.eval()
        self.to(device)

    def _layer(self, operation: Operation) -> nn.Module:
        if isinstance(operation, KpuConv2d):
            return KpuConv2dLayer(operation, self.rules)
        functions = FUNCTIONS | OLDER.get(self.program.version, {})
        if type(operation) not in functions:
            raise unsupported(operation)
        return CpuLayer(operation, functions[type(operation)])

    def _keys(self) -> list[Key]:
        return [key for read in self.reads.modules() if isinstance(read, Read) for key in read.keys]

    @torch.inference_mode()
    def forward(self, x: Inputs) -> dict[str, Tensor]:
        """Run a batch.

        Args:
            x: One tensor or array [N, ...] with the shape and type of the program's input, or
                several by name or in file order.

        Returns:
            The outputs by name, in file order, each [N, ...]; one whose first axis is not the
            model's batch keeps it behind the N.

        Raises:
            UsageError: An input is missing, or not of the program's shape and type.
        """
        values = self._bind(x)
        with exact_sums(self._device()):
            return self._run(values)

    def _run(self, values: dict[Key, Tensor]) -> dict[str, Tensor]:
        uses, picks = Counter(self.uses), self._picks()
        batch = max((len(value) for value in values.values()), default=1)
        for operation in self.program.operations:
            inputs = self._read(operation.name, values, uses)
            result = self.layers[operation.name](*inputs, **picks.get(operation.name, {}))
            for index in range(len(operation.outputs)):
                if uses[operation.name, index]:
                    # A KPU layer may write the same result to two places.
                    several = isinstance(result, tuple)
                    values[operation.name, index] = result[index] if several else result
        return {port.name: self._output(port, values, uses, batch) for port in self.program.outputs}

    def _picks(self) -> dict[str, dict[str, int | bool]]:
        """Return what to leave out of which layers: nothing that a hook would see."""
        arguments: dict[str, dict[str, int | bool]] = {}
        for pick in self.picks:
            pair = self.layers[pick.producer], self.layers[pick.consumer]
            if not any(layer._forward_hooks or layer._forward_pre_hooks for layer in pair):
                arguments[pick.producer] = {"step": pick.step}
                arguments[pick.consumer] = {"picked": True}
        return arguments

    def _read(self, name: str, values: dict[Key, Tensor], uses: Counter[Key]) -> list[Tensor]:
        """Get the inputs of an operation, and forget the results that nobody needs any more."""
        found = []
        reads: Any = self.reads[name]
        for read in reads:
            found.append(read(values))
            for key in read.keys:
                uses[key] -= 1
                if not uses[key]:
                    del values[key]
        return found

    def _output(
        self, port: Port, values: dict[Key, Tensor], uses: Counter[Key], batch: int
    ) -> Tensor:
        (value,) = self._read(port.name, values, uses)
        value = value.expand(batch, *value.shape[1:])
        images = self.program.inputs[0].buffer.shape[:1] if self.program.inputs else ()
        return value.flatten(0, 1) if port.buffer.shape[:1] == images else value

    def _bind(self, x: Inputs) -> dict[Key, Tensor]:
        ports = self.program.inputs
        if isinstance(x, Mapping):
            missing = [port.name for port in ports if port.name not in x]
            if missing:
                raise UsageError(f"input {missing[0]!r} is missing", f"there are: {', '.join(x)}")
            batches: list[Batch] = [x[port.name] for port in ports]
        else:
            batches = [x] if isinstance(x, Tensor | np.ndarray) else list(x)
        if len(batches) != len(ports):
            raise UsageError(f"the program has {len(ports)} inputs, {len(batches)} were given")
        bound = {
            (port.name, 0): self._input(port, batch)
            for port, batch in zip(ports, batches, strict=True)
        }
        if len({value.shape[0] for value in bound.values()}) > 1:
            raise UsageError("the inputs have batches of different sizes")
        return bound

    def _input(self, port: Port, batch: Batch) -> Tensor:
        x = torch.as_tensor(batch)
        first, *rest = shape = port.buffer.shape
        wanted = TORCH[port.buffer.dtype]
        if x.dtype != wanted or list(x.shape[1:]) != rest or not len(x) or len(x) % first:
            raise UsageError(
                f"{port.name} is {x.dtype} {list(x.shape)}, not {wanted} [N, "
                f"{', '.join(map(str, rest))}]"
            )
        return x.to(self._device()).reshape(-1, *shape)

    def _device(self) -> torch.device:
        return next((b.device for b in self.buffers()), torch.device("cpu"))


def check_device(device: str | torch.device) -> None:
    """Make sure that PyTorch can compute on a device.

    Raises:
        UsageError: It cannot.
    """
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:
        raise UsageError(
            f"PyTorch cannot compute on {device}: {str(error).splitlines()[0]}",
            "leave the device out to compute on the processor",
        ) from error


@contextmanager
def exact_sums(device: torch.device) -> Iterator[None]:
    """Keep a GPU from what is faster and not exact: TF32 products, and cuDNN's convolutions."""
    if device.type != "cuda":
        yield
        return
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
