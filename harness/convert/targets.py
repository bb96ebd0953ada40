"""The versions that can be written, each with its rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.convert.draft import Draft
from harness.convert.rules import Rules
from harness.convert.v4.rules import RULES as V4
from harness.kmodel.memory import Buffer
from harness.kmodel.program import Program


@dataclass(frozen=True)
class Target:
    """One version.

    Attributes:
        version: File version.
        group: The nncase releases that read it.
        rules: How each operation is written.
        check: Refuses what the file as a whole cannot say.
        shape: The shape of an input, as the file can store it.
        file_bytes: The size of a program's file.
    """

    version: Literal[3, 4]
    group: str
    rules: Rules
    check: Callable[[Draft, Sequence[Buffer]], None]
    shape: Callable[[tuple[int, ...]], tuple[int, ...]]
    file_bytes: Callable[[Program], int]


def _in_four_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) <= 4:
        return (1,) * (4 - len(shape)) + shape
    rest = 1
    for size in shape[1:-2]:
        rest *= size
    return shape[0], rest, *shape[-2:]


def _anything(_draft: Draft, _inputs: Sequence[Buffer]) -> None:
    return


def _written(program: Program) -> int:
    from harness.kmodel import save

    return len(save(program))


TARGETS: dict[int, Target] = {
    4: Target(4, "0.2", V4, _anything, _in_four_axes, _written),
}
