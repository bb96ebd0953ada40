"""What all operations share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from harness.kmodel.memory import Buffer

Clamp = tuple[float, float]
NO_CLAMP: Clamp = (float("-inf"), float("inf"))


class Padding(NamedTuple):
    """Elements put before and after an axis, and between each two elements of it.

    Negative numbers cut elements off.
    """

    before: int
    after: int
    interior: int = 0


NO_PADDING = Padding(0, 0)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Operation:
    """One step of a program.

    Attributes:
        name: Unique in the program and stable, such as `03_kpu_conv2d`.
        offset: Where the operation stands in the file, in bytes.
        inputs: What it reads, in the order that the class's docstring gives.
        outputs: What it writes.
    """

    name: str
    offset: int
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]

    unit: ClassVar[str] = "CPU"
    label: ClassVar[str] = ""

    @classmethod
    def kind(cls) -> str:
        """Return the operation's name in snake case, such as `kpu_conv2d`.

        Classes that differ in arithmetic only share a name through their `label`.
        """
        return cls.label or re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @property
    def input(self) -> Buffer:
        """The first buffer that it reads."""
        return self.inputs[0]

    @property
    def output(self) -> Buffer:
        """The first buffer that it writes."""
        return self.outputs[0]
