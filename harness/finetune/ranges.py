"""Feature maps whose step may change: who writes them and who reads them take it together.

A byte q of a feature map stands for `step * (q - zero)`. Where a KPU layer with an activation
that scales (`harness.finetune.activation.scales`) or a quantisation writes the map, and only KPU
layers and dequantisations read it, the step can be another one: the writer divides by a factor,
the readers multiply by it. Values that 0 or 255 cut off then still tell how the step should
change, as in learned step size quantisation (S. Esser et al., 2020,
https://arxiv.org/abs/1902.08153).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from harness.finetune.activation import scales, steepest
from harness.kmodel.memory import DType
from harness.kmodel.operations import (
    Copy,
    Dequantize,
    KpuConv2d,
    KpuDownload,
    KpuUpload,
    Operation,
    Quantize,
)
from harness.kmodel.program import Program
from harness.simulator.dataflow import Key, Whole
from harness.simulator.kpu.chain import Chain
from harness.simulator.rules import Rules

CARRIERS = (Copy, KpuDownload, KpuUpload)
WRITERS = (KpuConv2d, Quantize)
READERS = (KpuConv2d, Dequantize)


@dataclass
class _Map:
    """One feature map under all the names that copies give it."""

    writers: list[Operation] = field(default_factory=list)
    readers: list[Operation] = field(default_factory=list)
    fixed: bool = False


@dataclass(frozen=True)
class Ranges:
    """Which operations share the step of a map: indices of maps by operation name."""

    count: int
    written: Mapping[str, int]
    read: Mapping[str, int]


def find_ranges(program: Program, reads: nn.ModuleDict, rules: Rules) -> Ranges:
    """Return the maps whose step may change."""
    maps: dict[Key, _Map] = {}
    for port in program.inputs:
        maps[port.name, 0] = _Map(fixed=True)
    for operation in program.operations:
        _read(operation, reads, maps)
        _write(operation, reads, maps)
    for port in program.outputs:
        _fix(maps, _keys(reads[port.name]))
    free = [one for one in _unique(maps.values()) if _may_change(one, rules)]
    return Ranges(
        count=len(free),
        written={o.name: index for index, one in enumerate(free) for o in one.writers},
        read={o.name: index for index, one in enumerate(free) for o in one.readers},
    )


def _read(operation: Operation, reads: nn.ModuleDict, maps: dict[Key, _Map]) -> None:
    if isinstance(operation, CARRIERS) and _carried(operation, reads, maps):
        return
    keys = _keys(reads[operation.name])
    if isinstance(operation, READERS) and _whole(operation, reads) and keys[0] in maps:
        maps[keys[0]].readers.append(operation)
    else:
        _fix(maps, keys)


def _write(operation: Operation, reads: nn.ModuleDict, maps: dict[Key, _Map]) -> None:
    carried = _carried(operation, reads, maps) if isinstance(operation, CARRIERS) else None
    own = carried or _Map(fixed=not isinstance(operation, WRITERS))
    if carried is None:
        own.writers.append(operation)
    for index, buffer in enumerate(operation.outputs):
        if buffer.dtype is DType.U8:
            maps[operation.name, index] = own


def _carried(operation: Operation, reads: nn.ModuleDict, maps: Mapping[Key, _Map]) -> _Map | None:
    """Return the map that an operation only moves."""
    if operation.input.dtype is not DType.U8 or not _whole(operation, reads):
        return None
    return maps.get(_keys(reads[operation.name])[0])


def _whole(operation: Operation, reads: nn.ModuleDict) -> bool:
    read: Any = reads[operation.name]
    return isinstance(read[0], Whole)


def _keys(reads: Any) -> list[Key]:  # noqa: ANN401  a ModuleList of `Read`
    return [key for read in reads for key in read.keys]


def _fix(maps: Mapping[Key, _Map], keys: Iterable[Key]) -> None:
    for key in keys:
        if key in maps:
            maps[key].fixed = True


def _unique(maps: Iterable[_Map]) -> list[_Map]:
    return list({id(one): one for one in maps}.values())


def _may_change(one: _Map, rules: Rules) -> bool:
    if one.fixed or not one.readers:
        return False
    return all(_writer_may(operation, one.readers, rules) for operation in one.writers)


def _writer_may(operation: Operation, readers: list[Operation], rules: Rules) -> bool:
    if not isinstance(operation, KpuConv2d):
        return True
    zeros = {_zero(reader) for reader in readers}
    if len(zeros) != 1 or (zero := zeros.pop()) is None:
        return False
    chain = Chain(operation.batch_norm, operation.activation, rules)
    return scales(chain, steepest(operation.activation), zero)


def _zero(reader: Operation) -> int | None:
    """Return the byte that a reader takes for 0."""
    if isinstance(reader, KpuConv2d):
        registers = reader.registers
        zero = -registers.arg_w * 2.0**-registers.shift_w
    else:
        assert isinstance(reader, Dequantize)
        zero = -reader.bias / reader.scale if reader.scale else -1.0
    near = round(zero)
    return near if abs(zero - near) < 1e-3 and 0 <= near <= 255 else None
