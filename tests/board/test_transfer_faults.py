"""Cuts and bad lines: the file is there to the byte in the end, and at most a window goes twice."""

from __future__ import annotations

import random
import time

import pytest

from harness.board import on_board, virtual
from harness.board.board import Board
from harness.board.transfer import PART, Loader
from harness.board.transfer.frames import STORED, opened
from harness.errors import BoardError

MOST_BYTES = 16 * 1024
WINDOW = 2048
LIMIT_S = 30.0


class BadLine:
    """A line that is cut, or loses and garbles blocks and answers, as a seed says.

    Args:
        line: The good one.
        rng: What happens.
        cut_after: Bytes of lines with blocks after which the port is gone.
        share: Of blocks, and of answers, that are lost or garbled.
    """

    def __init__(self, line, rng, cut_after=None, share=0.0) -> None:
        self._line, self._rng, self._left, self._share = line, rng, cut_after, share
        self.file_bytes = self.struck = 0

    def __getattr__(self, name):
        return getattr(self._line, name)

    @property
    def baud(self):
        return self._line.baud

    @baud.setter
    def baud(self, value):
        self._line.baud = value

    def _refuse(self):
        if self._left == 0:
            raise BoardError("the board is gone (cut by the test)")

    def write(self, data):
        self._refuse()
        frame = opened(data[:-1])
        if frame is None or frame.kind != STORED:
            self._line.write(data)
            return
        self.file_bytes += len(frame.data)
        if self._left is not None:
            self._line.write(data[: self._left])
            self._left = max(0, self._left - len(data))
            self._refuse()
        elif data := self._bad(data):
            self._line.write(data)

    def read(self, seconds):
        self._refuse()
        data = self._line.read(seconds)
        return self._bad(data) if b"k210:" in data and b":a " in data else data

    def _bad(self, data):
        if self._rng.random() >= self._share:
            return data
        self.struck += 1
        at = self._rng.randrange(len(data))
        what = self._rng.randrange(3)
        if what == 0:
            return b""
        if what == 1:  # a few bytes are lost, perhaps the end of the line
            return data[:at] + data[at + self._rng.randint(1, 40) :]
        return data[:at] + bytes([data[at] ^ (0x80 | self._rng.randrange(128))]) + data[at + 1 :]


@pytest.fixture(scope="module")
def unpaced(micropython):
    """A virtual board on whose line bytes take no time."""
    with virtual.start(baud=0) as board:
        yield board


def file_of(rng):
    return rng.randbytes(rng.randint(1, MOST_BYTES))


def cut_once(board, seed, reset):
    """Send a file over a line that is cut, and again; return how many bytes went twice."""
    rng = random.Random(seed)
    data, path = file_of(rng), f"/sd/{seed % 7}.bin"
    with Board.open(board.port) as first:
        bad = first.repl.line = BadLine(first.repl.line, rng, rng.randint(1, len(data)))
        with pytest.raises(BoardError, match="cut by the test"):
            first.write(path, data)
    if reset:
        board.press_reset()
    with Board.open(board.port, patience=10) as second:
        good = second.repl.line = BadLine(second.repl.line, rng)
        second.write(path, data)
        assert second.repl.line.baud == 115200
    assert (board.sd / f"{seed % 7}.bin").read_bytes() == data
    assert not list(board.sd.glob(f"*{PART}"))
    return bad.file_bytes + good.file_bytes - len(data)


def check_cuts(board, seeds):
    started = time.monotonic()
    for seed in seeds:
        twice = cut_once(board, seed, reset=seed % 10 == 0)
        assert twice <= WINDOW, f"seed {seed}"
    assert time.monotonic() - started < LIMIT_S * len(seeds)


@pytest.mark.timeout(600)
def test_a_transfer_that_was_cut_goes_on(unpaced):
    check_cuts(unpaced, range(100))


@pytest.mark.slow
@pytest.mark.timeout(6000)
def test_a_thousand_transfers_that_were_cut_go_on(unpaced):
    check_cuts(unpaced, range(100, 1100))


@pytest.mark.timeout(600)
def test_a_hundred_transfers_through_a_line_that_loses_every_twentieth_block(unpaced):
    struck = 0
    for seed in range(100):
        rng = random.Random(seed)
        data = file_of(rng)
        with Board.open(unpaced.port) as board:
            bad = board.repl.line = BadLine(board.repl.line, rng, share=0.05)
            board.write("/sd/bad.bin", data)
        assert (unpaced.sd / "bad.bin").read_bytes() == data, f"seed {seed}"
        struck += bad.struck
    assert struck > 30


def test_a_line_that_loses_every_other_block_is_survived(unpaced):
    data = random.Random(1).randbytes(6000)
    with Board.open(unpaced.port) as board:
        board.repl.line = BadLine(board.repl.line, random.Random(2), share=0.5)
        board.write("/sd/worse.bin", data)
        assert board.transfer.lost > 0
    assert (unpaced.sd / "worse.bin").read_bytes() == data


def test_what_is_another_file_does_not_go_on(unpaced):
    old, new = (random.Random(seed).randbytes(9000) for seed in (1, 2))
    (unpaced.sd / f"other.bin{PART}").write_bytes(old)
    with Board.open(unpaced.port) as board:
        board.write("/sd/other.bin", new)
        assert board.transfer.resumed == 0
    assert (unpaced.sd / "other.bin").read_bytes() == new


def test_a_part_with_a_bad_end_goes_on_in_front_of_it(unpaced):
    data = random.Random(3).randbytes(60_000)
    (unpaced.sd / f"tail.bin{PART}").write_bytes(data[:40_000] + bytes(5000))
    with Board.open(unpaced.port) as board:
        board.transfer = Loader(rates=())
        board.write("/sd/tail.bin", data)
        assert 40_000 - 1024 < board.transfer.resumed <= 40_000
    assert (unpaced.sd / "tail.bin").read_bytes() == data


@pytest.mark.parametrize("after", [1, 6000, 11_500])
def test_a_board_that_is_reset_in_between_gets_the_rest(unpaced, after):
    data = random.Random(after).randbytes(12_000)
    with Board.open(unpaced.port) as board:
        board.need(on_board.BEGINNINGS)
        started = time.monotonic()
        bad = BadLine(board.repl.line, random.Random(0))
        write = bad.write

        def resetting(text):
            before = bad.file_bytes
            write(text)
            if before < after <= bad.file_bytes:
                unpaced.press_reset()

        bad.write = resetting
        board.repl.line = bad
        board.write("/sd/reset.bin", data)
        assert board.eval("1 + 1") == 2
    assert (unpaced.sd / "reset.bin").read_bytes() == data
    assert bad.file_bytes - len(data) <= WINDOW
    assert time.monotonic() - started < 3.5  # less than the silence that would tell it, too


def test_a_dead_board_is_noticed_in_ten_seconds(unpaced):
    with Board.open(unpaced.port) as board:
        line = board.repl.line
        started = None

        class Dead(BadLine):
            def write(self, data):
                nonlocal started
                if opened(data[:-1]):
                    started = started or time.monotonic()
                if started is None:
                    self._line.write(data)

            def read(self, seconds):
                data = self._line.read(seconds)
                return data if started is None else b""

        board.repl.line = Dead(line, random.Random(0))
        with pytest.raises(BoardError, match="nothing answers"):
            board.write("/sd/dead.bin", bytes(range(256)) * 20)
        assert time.monotonic() - started < 10.5
        board.repl.line = line
        board.repl.enter(10)
        board.write("/sd/dead.bin", bytes(range(256)) * 20)
