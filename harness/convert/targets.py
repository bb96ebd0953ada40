"""The versions that can be written, each with its rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.convert.draft import Draft
from harness.convert.rules import Rules
from harness.convert.v3.rules import RULES as V3
from harness.convert.v3.rules import input_places
from harness.convert.v4.rules import RULES as V4
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import Copy, Dequantize, KpuDownload, KpuUpload, Operation, Quantize
from harness.kmodel.program import Program
from harness.kmodel.saving import save
from harness.kmodel.v3.layers import LAYERS
from harness.kmodel.v4.nodes import NODES


@dataclass(frozen=True)
class Target:
    """One version.

    Attributes:
        version: File version.
        group: The nncase releases that read it.
        rules: How each operation is written.
        kinds: What the version has.
        through_corners: Operations that may see a 4x4 map as its corner, the only part that v3
            keeps.
        interleaves: Whether it concatenates along inner axes.
        place: Returns where the inputs lie.
        shape: The shape of an input, as the file can store it.
        file_bytes: The size of a program's file.
    """

    version: Literal[3, 4]
    group: str
    rules: Rules
    kinds: frozenset[type[Operation]]
    through_corners: tuple[type[Operation], ...]
    interleaves: bool
    place: Callable[[Draft, Sequence[Buffer]], list[Buffer]]
    shape: Callable[[tuple[int, ...]], tuple[int, ...]]
    file_bytes: Callable[[Program], int]


def _in_four_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) <= 4:
        return (1,) * (4 - len(shape)) + shape
    rest = 1
    for size in shape[1:-2]:
        rest *= size
    return shape[0], rest, *shape[-2:]


def _as_given(draft: Draft, inputs: Sequence[Buffer]) -> list[Buffer]:
    return [draft.inputs.get(buffer.pool.name) or buffer for buffer in inputs]


def _same(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape


def _written(program: Program) -> int:
    return len(save(program))


TARGETS: dict[int, Target] = {
    3: Target(
        version=3,
        group="0.1",
        rules=V3,
        kinds=frozenset(layer.kind for layer in LAYERS.values()),
        through_corners=(Copy, Dequantize, KpuDownload, KpuUpload, Quantize),
        interleaves=False,
        place=input_places,
        shape=_same,
        file_bytes=_written,
    ),
    4: Target(
        version=4,
        group="0.2",
        rules=V4,
        kinds=frozenset(node.kind for node in NODES.values()),
        through_corners=(),
        interleaves=True,
        place=_as_given,
        shape=_in_four_axes,
        file_bytes=_written,
    ),
}
