"""Which block goes next: a window, and the resending of what was lost. No input, no output."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from harness.board.transfer.frames import Block


@dataclass
class _Flight:
    """A block under way, and the number of its sending."""

    block: Block
    number: int


class Sender:
    """Blocks on their way to a board that receives into a ring of known size.

    A block counts as lost when what was sent after it has arrived, another block or a trial: a line
    keeps the order. So where nothing comes for long, the board is asked with a trial, and nothing
    goes again before it has answered.

    Args:
        blocks: In the order of the file, without gaps.
        window: Bytes of lines that may be under way at once; a longer line goes alone.

    Attributes:
        sent: How many bytes of lines were sent.
        number: How many blocks were sent, again or not.
        lost: How many sendings were lost.
        arrived: How far the board has the file without a gap.
    """

    def __init__(self, blocks: Iterable[Block], window: int) -> None:
        self._new = deque(blocks)
        self._again: deque[Block] = deque()
        self._flights: dict[int, _Flight] = {}
        self.number = 0
        self.window = window
        self.sent = self.lost = 0
        self.arrived = self._new[0].offset if self._new else 0

    @property
    def done(self) -> bool:
        """Whether the board has all of it."""
        return not (self._new or self._again or self._flights)

    @property
    def under_way(self) -> int:
        """Bytes of lines that the board may not have read yet."""
        return sum(len(flight.block.line) for flight in self._flights.values())

    def next(self) -> Block | None:
        """Return the block to send now, which is then under way; None where the window is full."""
        queue = self._again or self._new
        if not queue:
            return None
        size = len(queue[0].line)
        if self._flights and self.under_way + size > self.window:
            return None
        block = queue.popleft()
        self.number += 1
        self._flights[block.offset] = _Flight(block, self.number)
        self.sent += size
        return block

    def acknowledged(self, arrived: int, held: Iterable[int] = (), through: int = 0) -> int:
        """Take what the board says it has, and return how many bytes of the file are new.

        Args:
            arrived: How far it has the file without a gap.
            held: Offsets of blocks behind the gap.
            through: What `number` was when the last trial that the board has read was sent.
        """
        there = set(held)
        gained = {offset for offset in self._flights if offset < arrived or offset in there}
        newest = max((self._flights[offset].number for offset in gained), default=0)
        newest = max(newest, through + 1)
        size = sum(self._flights.pop(offset).block.size for offset in gained)
        self._again = deque(
            block for block in self._again if block.offset >= arrived and block.offset not in there
        )
        for offset, flight in list(self._flights.items()):
            if flight.number < newest:
                self._lose(offset)
        self.arrived = max(self.arrived, arrived)
        return size

    def _lose(self, offset: int) -> None:
        self._again.append(self._flights.pop(offset).block)
        self.lost += 1
