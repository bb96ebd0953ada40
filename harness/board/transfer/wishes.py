"""Which blocks of a file to ask a board for next, and again. No input, no output."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wish:
    """A run of blocks that was asked for.

    Attributes:
        offset: Of the first.
        count: How many.
    """

    offset: int
    count: int


@dataclass
class Wishes:
    """A file on its way here. A line keeps the order, so what is overtaken is lost.

    Args:
        size: Of the file.
        step: Bytes of a block.
        most: Blocks in one wish.
        ahead: Wishes that may be open at once.
    """

    size: int
    step: int
    most: int = 16
    ahead: int = 2
    data: bytearray = field(init=False)
    _missing: dict[int, None] = field(init=False)
    _open: deque[Wish] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self.data = bytearray(self.size)
        self._missing = dict.fromkeys(range(0, self.size, self.step))

    @property
    def missing(self) -> int:
        """How many blocks are not here."""
        return len(self._missing)

    def next(self) -> Wish | None:
        """Return what to ask for now, which is then open; None where nothing is to be asked."""
        asked = [range(wish.offset, self._end(wish), self.step) for wish in self._open]
        if len(asked) >= self.ahead:
            return None
        first = next((at for at in self._missing if not any(at in run for run in asked)), None)
        if first is None:
            return None
        count = 1
        while count < self.most and self._askable(first + count * self.step, asked):
            count += 1
        self._open.append(Wish(first, count))
        return self._open[-1]

    def came(self, offset: int, data: bytes) -> int:
        """Take a block, and return how many bytes of it are new."""
        whole = len(data) == min(self.step, self.size - offset)
        if offset not in self._missing or not whole:
            return 0
        del self._missing[offset]
        self.data[offset : offset + len(data)] = data
        self._close(offset)
        return len(data)

    def timed_out(self) -> None:
        """Nothing has come for long: what is open is to be asked for again."""
        self._open.clear()

    def _askable(self, offset: int, asked: list[range]) -> bool:
        return offset in self._missing and not any(offset in run for run in asked)

    def _end(self, wish: Wish) -> int:
        return wish.offset + wish.count * self.step

    def _close(self, offset: int) -> None:
        """Drop the wishes that a block has overtaken, and its own behind the last of it."""
        for index, wish in enumerate(self._open):
            if offset in range(wish.offset, self._end(wish), self.step):
                last = offset + self.step >= min(self._end(wish), self.size)
                for _ in range(index + last):
                    self._open.popleft()
                return
