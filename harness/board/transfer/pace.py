"""How much of a file may be under way to a board at once."""

from __future__ import annotations

from dataclasses import dataclass

from harness.board.port import BAUD

_ANSWER_S = 0.1


@dataclass(frozen=True)
class Pace:
    """How much the board bears at one speed.

    Attributes:
        baud: Bits a second.
        ring: Bytes that it receives while it does something else.
        step: Bytes of a file in a block.
    """

    baud: int
    ring: int
    step: int

    @property
    def window(self) -> int:
        """Bytes that may be under way."""
        return self.ring - self.ring // 32

    @property
    def wait_s(self) -> float:
        """How long an acknowledgement may take."""
        return self.ring * 10 / self.baud + _ANSWER_S


SLOW = Pace(BAUD, 2048, 930)


def fast(baud: int) -> Pace:
    """Return what a board bears at a raised speed."""
    return Pace(baud, 8192, 1900)
