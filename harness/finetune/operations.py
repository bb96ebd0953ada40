"""Operations of the CPU with a gradient: the simulator's own functions on bytes held as floats.

PyTorch differentiates what computes with floats. Bytes are held as float32 of the same value, so
that a gradient can pass; what only moves them needs no more. Quantisations round straight
through. Through all else the gradient stops: `gradient_stops` says where.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.finetune.straight import straight
from harness.kmodel import operations as kinds
from harness.kmodel.memory import Buffer, DType
from harness.kmodel.operations import (
    Concat,
    Dequantize,
    Operation,
    Quantize,
    QuantizeInverse,
    QuantizeZeroPoint,
)
from harness.simulator.dataflow import Gathered, Key, Read, Values
from harness.simulator.operations import Function
from harness.simulator.operations.quantization import single
from harness.simulator.simulator import CpuLayer

# These compute with what PyTorch differentiates, and change nothing in place that it needs.
_SMOOTH = (
    kinds.AveragePool,
    kinds.Binary,
    kinds.ChannelwiseDequantize,
    kinds.Conv2d,
    kinds.Conv2dTranspose,
    kinds.Dequantize,
    kinds.DequantizeZeroPoint,
    kinds.FullyConnected,
    kinds.GlobalAveragePool,
    kinds.MatMul,
    kinds.MaxPool,
    kinds.Reduce,
    kinds.ReduceWindow2d,
    kinds.Resize,
    kinds.Sigmoid,
    kinds.Softmax,
    kinds.Unary,
)
# These move elements, bytes as well as floats.
_MOVES = (
    kinds.BatchToSpace,
    kinds.Broadcast,
    kinds.Copy,
    kinds.Flatten,
    kinds.KpuAddPadding,
    kinds.KpuDownload,
    kinds.KpuRemovePadding,
    kinds.KpuUpload,
    kinds.Pad,
    kinds.Slice,
    kinds.SpaceToBatch,
    kinds.Transpose,
)
_OWN = (Concat, Quantize, QuantizeInverse, QuantizeZeroPoint)


def gradient_stops(operation: Operation) -> bool:
    """Return whether no gradient passes through an operation of the CPU."""
    if isinstance(operation, _MOVES + _OWN):
        return False
    floats = all(buffer.dtype is DType.F32 for buffer in operation.outputs)
    return not (isinstance(operation, _SMOOTH) and floats)


def trainable_operation(
    layer: CpuLayer, range_in: nn.Parameter | None, range_out: nn.Parameter | None
) -> nn.Module:
    """Return the module of an operation: `range_*` are logarithms of factors on steps, or None."""
    operation = layer.operation
    if isinstance(operation, Quantize):
        return TrainableQuantize(layer, range_out)
    if isinstance(operation, QuantizeInverse | QuantizeZeroPoint):
        return OlderQuantize(layer)
    if isinstance(operation, Dequantize) and range_in is not None:
        return TrainableDequantize(layer, range_in)
    if isinstance(operation, Concat):
        return TrainableConcat(operation)
    return Stop(layer) if gradient_stops(operation) else layer


class Stop(nn.Module):
    """An operation without a gradient: bytes go in as bytes, and come out as floats."""

    def __init__(self, layer: CpuLayer) -> None:
        super().__init__()
        self.layer = layer

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """See `CpuLayer`."""
        buffers = self.layer.operation.inputs
        exact = [as_bytes(x, buffer) for x, buffer in zip(inputs, buffers, strict=True)]
        found = self.layer(*exact)
        if isinstance(found, tuple):
            return tuple(map(as_floats, found))
        return as_floats(found)


class TrainableQuantize(nn.Module):
    """`clamp(round(x * scale + bias))`, whose gradient passes where nothing is cut off."""

    def __init__(self, layer: CpuLayer, range_: nn.Parameter | None) -> None:
        super().__init__()
        self.operation: Operation = layer.operation
        self.function: Function = layer.function
        self.range_ = range_

    def encode(self) -> Quantize:
        """Return the operation as a file stores it now."""
        with torch.no_grad():
            return self._with(self._scale())

    def forward(self, x: Tensor) -> Tensor:
        """Return bytes as float32 [batch, *shape]."""
        scale = self._scale()
        shape = x.shape[0], *self.operation.output.shape
        exact = one(self.function(self._with(scale), x.detach())).float()
        smooth = (x * scale + single(self._quantize.bias, x)).clamp(0, 255)
        return straight(smooth, exact).reshape(shape)

    @property
    def _quantize(self) -> Quantize:
        assert isinstance(self.operation, Quantize)
        return self.operation

    def _scale(self) -> Tensor:
        return _scaled(self._quantize.scale, self.range_, -1.0)

    def _with(self, scale: Tensor) -> Quantize:
        return replace(self._quantize, scale=scale.item())


class OlderQuantize(nn.Module):
    """The quantisations of versions 3 and 4, straight through where nothing is cut off."""

    def __init__(self, layer: CpuLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Return bytes as float32 [batch, *shape]."""
        operation = self.layer.operation
        if isinstance(operation, QuantizeInverse):
            smooth = (x - operation.bias) / operation.scale
        else:
            assert isinstance(operation, QuantizeZeroPoint)
            smooth = x * operation.scale + operation.zero_point
        exact = one(self.layer(x.detach())).float()
        return straight(smooth.clamp(0, 255).reshape(exact.shape), exact)


class TrainableDequantize(nn.Module):
    """`q * scale + bias`, both times a factor."""

    def __init__(self, layer: CpuLayer, range_: nn.Parameter) -> None:
        super().__init__()
        self.operation: Operation = layer.operation
        self.function: Function = layer.function
        self.range_ = range_

    def encode(self) -> Dequantize:
        """Return the operation as a file stores it now."""
        with torch.no_grad():
            scale, bias = self._numbers()
            return replace(self._dequantize, scale=scale.item(), bias=bias.item())

    def forward(self, x: Tensor) -> Tensor:
        """Return float32 [batch, *shape]."""
        scale, bias = self._numbers()
        with torch.no_grad():
            exact = one(self.function(self.encode(), x))
        smooth = x.float() * scale + bias
        return straight(smooth, exact).reshape(x.shape[0], *self.operation.output.shape)

    @property
    def _dequantize(self) -> Dequantize:
        assert isinstance(self.operation, Dequantize)
        return self.operation

    def _numbers(self) -> tuple[Tensor, Tensor]:
        numbers = self._dequantize
        return _scaled(numbers.scale, self.range_), _scaled(numbers.bias, self.range_)


class TrainableConcat(nn.Module):
    """Pieces one behind the other, counted in elements instead of bytes."""

    def __init__(self, operation: Concat) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return [batch, *shape]."""
        operation = self.operation
        batch = max(x.shape[0] for x in inputs)
        parts = [
            x.expand(batch, *x.shape[1:]).reshape(batch, operation.outer, -1).float()
            for x in inputs
        ]
        return torch.cat(parts, 2).reshape(batch, *operation.output.shape)


class GatheredElements(Read):
    """An input put together of parts of several results, element by element."""

    read: Tensor

    def __init__(self, gathered: Gathered, itemsize: int) -> None:
        nn.Module.__init__(self)
        self.shape, self.keys = gathered.shape, gathered.keys
        self.size = gathered.size // itemsize
        self.written = gathered.written
        for name in ("read", *gathered.written):
            places = gathered.get_buffer(name)[::itemsize] // itemsize
            self.register_buffer(name, places, False)

    def forward(self, values: Values) -> Tensor:
        """See `Read`."""
        parts = self.batch(values)
        batch = parts[0].shape[0] if parts else 1
        memory = torch.zeros((batch, self.size), device=self.read.device)
        for name, part in zip(self.written, parts, strict=True):
            memory = memory.index_copy(1, self.get_buffer(name), part.float())
        return memory[:, self.read].reshape(batch, *self.shape)


class BytesBetween(Read):
    """An input that bytes of several types make up: no gradient passes."""

    def __init__(self, read: Read, written: dict[Key, Buffer]) -> None:
        nn.Module.__init__(self)
        self.shape, self.keys = read.shape, read.keys
        self.inner, self.written = read, written

    @torch.no_grad()
    def forward(self, values: Values) -> Tensor:
        """See `Read`."""
        exact = {key: as_bytes(values[key], self.written[key]) for key in self.keys}
        return as_floats(self.inner(exact))


def trainable_read(read: Read, buffer: Buffer, written: dict[Key, Buffer]) -> Read | None:
    """Return a way to get an input that passes gradients; None where there is none.

    Args:
        read: The simulator's.
        buffer: What is read.
        written: Who wrote what.
    """
    if not isinstance(read, Gathered):
        return read
    types = {buffer.dtype, *(written[key].dtype for key in read.keys)}
    if len(types) > 1 or buffer.dtype not in (DType.U8, DType.F32):
        return None
    size = buffer.dtype.itemsize
    starts = [buffer.offset, *(written[key].offset for key in read.keys)]
    return GatheredElements(read, size) if not any(start % size for start in starts) else None


def one(found: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Return the result of an operation that has one."""
    assert isinstance(found, Tensor)
    return found


def as_bytes(x: Tensor, buffer: Buffer) -> Tensor:
    """Return bytes that are held as floats as bytes."""
    return x.to(torch.uint8) if buffer.dtype is DType.U8 and x.is_floating_point() else x


def as_floats(x: Tensor) -> Tensor:
    """Return bytes as floats of the same value; all else as it is."""
    return x.float() if x.dtype is torch.uint8 else x


def _scaled(value: float, range_: nn.Parameter | None, sign: float = 1.0) -> Tensor:
    """Return `value * exp(sign * range)` as float32, exactly the value where the range is 0."""
    if range_ is None:
        return torch.tensor(value, dtype=torch.float32)
    return (value * torch.exp(sign * range_.double())).float()
