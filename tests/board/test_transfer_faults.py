"""Cuts and bad lines: the file is there to the byte in the end, and at most a window goes twice."""

from __future__ import annotations

import random
import time

import pytest

from harness.bench.bad_line import WINDOW, BadLine, cut_once, send_badly
from harness.board import on_board, virtual
from harness.board.board import Board
from harness.board.transfer import PART, Loader, loader
from harness.board.transfer.frames import opened
from harness.errors import BoardError
from tests.conftest import timed

LIMIT_S = 30.0


@pytest.fixture(scope="module")
def unpaced(micropython):
    """A virtual board on whose line bytes take no time."""
    with virtual.start(baud=0) as board:
        yield board


def check_cuts(board, seeds):
    started = time.monotonic()
    for seed in seeds:
        assert cut_once(board, seed, reset=seed % 10 == 0) <= WINDOW, f"seed {seed}"
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
    struck = sum(send_badly(unpaced, seed, share=0.05) for seed in range(100))
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
def test_a_board_that_is_reset_in_between_gets_the_rest(unpaced, after, monkeypatch):
    monkeypatch.setattr(loader, "SILENCE_S", 60.0)  # which would tell it, too
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
    assert time.monotonic() - started < 30


@timed
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
        assert time.monotonic() - started < 10
        board.repl.line = line
        board.repl.enter(10)
        board.write("/sd/dead.bin", bytes(range(256)) * 20)


@pytest.mark.parametrize(
    ("kind", "every"),
    [("garble", 5000), ("lose", 5000), pytest.param("reset", 2500, marks=pytest.mark.slow)],
)
def test_faults_anywhere_on_the_line_cost_no_file(micropython, kind, every):
    """Not in blocks alone: in commands, in what defines them, and in their answers."""
    with virtual.start(baud=0, faults=[f"{kind}:every={every},seed=1"]) as struck:
        for seed in range(5):
            data = random.Random(seed).randbytes(4000)
            with Board.open(struck.port, patience=10) as board:
                board.write(f"/sd/any{seed}.bin", data)
            assert (struck.sd / f"any{seed}.bin").read_bytes() == data
        assert len(struck.strikes()) >= 2
