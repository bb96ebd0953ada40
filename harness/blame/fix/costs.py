"""What a compiled model takes on the board, and how much more than another."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import HarnessError
from harness.kmodel import load
from harness.kmodel.memory import Memory
from harness.timing import predict

# Times that differ by less than this share are the same.
_ALIKE = 0.02
_HELD = (Memory.MAIN, Memory.INPUT, Memory.OUTPUT)


@dataclass(frozen=True)
class Cost:
    """Time and memory of a model on the board.

    Attributes:
        ms: Predicted time of one inference; None where it cannot be predicted.
        file_bytes: Size of the kmodel.
        main_bytes: Working memory.
    """

    ms: float | None
    file_bytes: int
    main_bytes: int

    def above(self, other: Cost) -> bool:
        """Return whether this is slower than another: nncase may leave more to the CPU."""
        return self.ms is not None and other.ms is not None and self.ms > other.ms * (1 + _ALIKE)

    def against(self, other: Cost) -> str:
        """Return in words what this costs more, or less, than another."""
        ms = None if self.ms is None or other.ms is None else self.ms - other.ms
        time = "time not predicted" if ms is None else f"{ms:+.1f} ms (predicted)"
        file = (self.file_bytes - other.file_bytes) / 1024
        memory = (self.main_bytes - other.main_bytes) / 1024
        return f"{time}, {file:+.0f} KB of file, {memory:+.0f} KB of memory"


def cost_of(kmodel: bytes) -> Cost:
    """Return what a kmodel takes, in the runtime that its version is for."""
    program = load(kmodel)
    try:
        ms: float | None = predict(program).ms
    except HarnessError:
        ms = None
    return Cost(ms, len(kmodel), sum(program.pool_bytes(memory) for memory in _HELD))
