"""What questions can be asked of: a program's steps, and what ties them to its ends."""

from __future__ import annotations

from dataclasses import dataclass

from harness.kmodel.dataflow import Sources, producers
from harness.kmodel.operations import Operation, Reduce
from harness.kmodel.operations.kpu import KpuConv2d
from harness.kmodel.operations.windows import GlobalAveragePool
from harness.kmodel.program import Program
from harness.timing.steps import Network, network_of


@dataclass(frozen=True)
class Subject:
    """A network, and what of it does not follow its width or its input.

    Attributes:
        network: Its steps.
        first: KPU layers that read the model's input.
        heads: KPU layers whose results reach the model's outputs without another KPU layer.
        outside: Operations between heads and outputs, and before the first KPU layer.
        points: Steps behind a global pooling, whose maps have no size.
    """

    network: Network
    first: frozenset[str] = frozenset()
    heads: frozenset[str] = frozenset()
    outside: frozenset[str] = frozenset()
    points: frozenset[str] = frozenset()


def subject_of(program: Program) -> Subject:
    """Return what questions can be asked of."""
    sources = producers(program)
    by_name = {operation.name: operation for operation in program.operations}
    heads, behind = _towards_outputs(program, sources, by_name)
    ports = {port.name for port in program.inputs}
    points: set[str] = set()
    first, ahead = set[str](), set[str]()
    for operation in program.operations:
        before = _producers(sources, operation.name)
        if _pools_all(operation) or before & points:
            points.add(operation.name)
        if before & (ports | ahead):
            (first if isinstance(operation, KpuConv2d) else ahead).add(operation.name)
    return Subject(
        network_of(program),
        frozenset(first),
        frozenset(heads),
        frozenset(behind | ahead),
        frozenset(points),
    )


def _producers(sources: Sources, name: str) -> set[str]:
    return {part.producer for parts in sources[name] for part in parts if part.producer}


def _towards_outputs(
    program: Program, sources: Sources, by_name: dict[str, Operation]
) -> tuple[set[str], set[str]]:
    heads: set[str] = set()
    behind: set[str] = set()
    waiting = [name for port in program.outputs for name in _producers(sources, port.name)]
    while waiting:
        name = waiting.pop()
        operation = by_name.get(name)
        if operation is None or name in heads | behind:
            continue
        if isinstance(operation, KpuConv2d):
            heads.add(name)
        else:
            behind.add(name)
            waiting += _producers(sources, name)
    return heads, behind


def _pools_all(operation: Operation) -> bool:
    if isinstance(operation, GlobalAveragePool):
        return True
    shape = operation.inputs[0].shape if operation.inputs else ()
    return isinstance(operation, Reduce) and len(shape) == 4 and {2, 3} <= set(operation.axes)
