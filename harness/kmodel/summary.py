"""A program in figures: what `k210 inspect` shows."""

from __future__ import annotations

from dataclasses import dataclass

from harness.kmodel.memory import Buffer, Memory
from harness.kmodel.operations import Conv2d, KpuConv2d, Operation, Pooling, ReduceWindow2d
from harness.kmodel.program import Program
from harness.kmodel.work import Work, work

Span = tuple[int, int]


@dataclass(frozen=True)
class LayerSummary:
    """One operation in figures.

    Attributes:
        name: Its name in the program.
        kind: What it is, such as `kpu_conv2d`.
        unit: KPU or CPU.
        kernel: Such as `3x3` or `3x3 depthwise`; empty where there is none.
        stride: Steps of the whole operation, pooling included; 0 where there is none.
        pooling: Such as `max 2/2`, side and stride of the window; empty where there is none.
        inputs: Shapes of what it reads, constants left out.
        outputs: Shapes of what it writes.
        work: Multiply-accumulates and weights.
        reads_kpu: First byte and end of what it reads in KPU memory; None if it does not.
        writes_kpu: The same for what it writes.
    """

    name: str
    kind: str
    unit: str
    kernel: str
    stride: int
    pooling: str
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    work: Work
    reads_kpu: Span | None
    writes_kpu: Span | None


@dataclass(frozen=True)
class Totals:
    """Sums over a program, in bytes and multiply-accumulates.

    Attributes:
        main_bytes: Working memory, inputs and outputs.
        kpu_bytes: The highest byte of KPU memory in use less the lowest.
        ram_bytes: What a board needs to hold: the file and `main_bytes`.
    """

    operations: int
    kpu_layers: int
    macs_nominal: int
    macs_executed: int
    weight_bytes: int
    file_bytes: int
    main_bytes: int
    kpu_bytes: int
    ram_bytes: int


def layers(program: Program) -> tuple[LayerSummary, ...]:
    """Return every operation in figures, in running order."""
    done = work(program)
    return tuple(_layer(operation, done[operation.name]) for operation in program.operations)


def totals(program: Program, summaries: tuple[LayerSummary, ...]) -> Totals:
    """Return the sums over a program's layers."""
    held = (Memory.MAIN, Memory.INPUT, Memory.OUTPUT)
    main = sum(program.pool_bytes(memory) for memory in held)
    spans = [span for s in summaries for span in (s.reads_kpu, s.writes_kpu) if span]
    return Totals(
        operations=len(summaries),
        kpu_layers=sum(s.unit == "KPU" for s in summaries),
        macs_nominal=sum(s.work.nominal for s in summaries),
        macs_executed=sum(s.work.executed for s in summaries),
        weight_bytes=sum(s.work.weight_bytes for s in summaries),
        file_bytes=len(program.data),
        main_bytes=main,
        kpu_bytes=max((s[1] for s in spans), default=0) - min((s[0] for s in spans), default=0),
        ram_bytes=len(program.data) + main,
    )


def _layer(operation: Operation, done: Work) -> LayerSummary:
    kernel, stride, pooling = _window(operation)
    return LayerSummary(
        name=operation.name,
        kind=operation.kind(),
        unit=operation.unit,
        kernel=kernel,
        stride=stride,
        pooling=pooling,
        inputs=tuple(b.shape for b in operation.inputs if b.memory is not Memory.CONSTANT),
        outputs=tuple(b.shape for b in operation.outputs),
        work=done,
        reads_kpu=_span(operation.inputs),
        writes_kpu=_span(operation.outputs),
    )


def _window(operation: Operation) -> tuple[str, int, str]:
    if isinstance(operation, KpuConv2d):
        depthwise = " depthwise" if operation.depthwise else ""
        kernel = f"{operation.kernel}x{operation.kernel}{depthwise}"
        return kernel, operation.pooling.stride, _pooling(operation.pooling)
    if isinstance(operation, Conv2d):
        weights = operation.inputs[1].shape
        height, width = weights[1:3] if operation.channels_last else weights[2:4]
        return f"{height}x{width}", operation.stride[0], ""
    if isinstance(operation, ReduceWindow2d):
        height, width = operation.filter
        side = f"{height}x{width}" if height != width else str(height)
        return "", operation.stride[0], f"{operation.op.value} {side}/{operation.stride[0]}"
    return "", 0, ""


def _pooling(pooling: Pooling) -> str:
    if pooling is Pooling.NONE:
        return ""
    words = pooling.name.split("_")
    how = " ".join(words[:-3]).lower()
    return f"{how} {pooling.size}/{pooling.stride}"


def _span(buffers: tuple[Buffer, ...]) -> Span | None:
    found = [(b.offset, b.end) for b in buffers if b.memory is Memory.KPU]
    return found[0] if found else None
