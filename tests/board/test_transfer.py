"""What the loader makes of a board and a line: speed, bytes or base64, and what is not sent."""

from __future__ import annotations

import random

import pytest

from harness.board import virtual
from harness.board.board import Board
from harness.board.failures import RefusedError
from harness.board.transfer import PART, Loader
from harness.board.transfer.loader import FAST_FROM
from harness.errors import BoardError

NOISE = random.Random(0).randbytes(FAST_FROM + 5000)


class Bridge:
    """What stands between both ends, and does to bytes what a function says.

    Args:
        line: The good line.
        change: What comes out for data at a speed.
    """

    def __init__(self, line, change) -> None:
        self._line, self._change = line, change
        self.bauds = []

    def __getattr__(self, name):
        return getattr(self._line, name)

    @property
    def baud(self):
        return self._line.baud

    @baud.setter
    def baud(self, value):
        self.bauds.append(value)
        self._line.baud = value

    def write(self, data):
        self._line.write(self._change(data, self.baud))

    def read(self, seconds):
        return self._change(self._line.read(seconds), self.baud)


@pytest.fixture(scope="module")
def unpaced(micropython):
    with virtual.start(baud=0) as board:
        yield board


@pytest.fixture
def board(unpaced):
    with Board.open(unpaced.port) as opened:
        yield opened


def bridged(board, change=lambda data, baud: data):
    board.repl.line = Bridge(board.repl.line, change)
    return board.repl.line


@pytest.mark.parametrize("size", [0, 1, 929, 930, 931, 5000, FAST_FROM + 1])
@pytest.mark.parametrize("data", [NOISE, b"the same again, " * 3000], ids=["noise", "text"])
def test_files_go_there_and_back(unpaced, board, size, data):
    board.write("/sd/a.bin", data[:size])
    assert (unpaced.sd / "a.bin").read_bytes() == data[:size]
    assert board.read("/sd/a.bin") == data[:size]
    assert not list(unpaced.sd.glob(f"*{PART}"))


def test_what_is_there_is_not_sent(board):
    board.write("/sd/b.bin", NOISE)
    assert board.transfer.sent > len(NOISE)
    board.write("/sd/b.bin", NOISE)
    assert board.transfer.sent == 0
    board.write("/sd/b.bin", NOISE[:-1] + bytes([NOISE[-1] ^ 1]))
    assert board.transfer.sent > len(NOISE)


def test_text_is_deflated(board):
    board.write("/sd/text.txt", b"the same again, " * 3000)
    assert board.transfer.sent < 4000


def test_long_files_go_faster_and_the_board_comes_back(board):
    line = bridged(board)
    board.write("/sd/c.bin", NOISE)
    assert line.bauds == [1_500_000, 115_200]
    assert board.eval("1 + 1") == 2
    assert board.read("/sd/c.bin") == NOISE


def test_short_files_do_not(board):
    line = bridged(board)
    board.write("/sd/d.bin", NOISE[:1000])
    assert line.bauds == []


def test_a_speed_that_nothing_passes_is_tried_once(board):
    line = bridged(board, lambda data, baud: b"" if baud > 1_000_000 else data)
    board.transfer = Loader(rates=(1_500_000,))
    board.write("/sd/e.bin", NOISE)
    assert board.read("/sd/e.bin") == NOISE
    assert line.bauds.count(1_500_000) == 1
    assert line.baud == 115_200


def test_a_speed_that_garbles_is_left(board):
    rng = random.Random(1)

    def garbled(data, baud):
        bad = baud > 1_000_000 and len(data) > 1000 and rng.random() < 0.7
        return bytes(len(data)) if bad else data

    line = bridged(board, garbled)
    board.transfer = Loader(rates=(1_500_000,))
    board.write("/sd/f.bin", NOISE)
    assert line.baud == 115_200
    assert board.transfer.lost > 0
    assert board.read("/sd/f.bin") == NOISE


def test_base64_where_a_line_bears_seven_bits(board):
    bridged(board, lambda data, _: bytes(byte & 0x7F for byte in data))
    board.transfer = Loader(rates=())
    board.write("/sd/g.bin", NOISE[:5000])
    assert board.transfer.sent > 5000 * 4 / 3
    assert board.read("/sd/g.bin") == NOISE[:5000]


def test_a_file_comes_back_through_a_bad_line(board):
    rng = random.Random(2)

    def bad(data, _):
        hurt = len(data) > 100 and rng.random() < 0.1
        return data[: len(data) // 2] if hurt else data

    board.write("/sd/h.bin", NOISE)
    board.transfer = Loader(rates=())
    bridged(board, lambda data, baud: bad(data, baud) if b"R" in data[:1] else data)
    assert board.read("/sd/h.bin") == NOISE


@pytest.mark.parametrize("change", [(b".bin'", b".bim'"), (b",", b""), (b".part", b".parf")])
def test_a_garbled_renaming_is_asked_again(unpaced, board, change):
    """The call is damaged, and then its answer is lost."""
    damaged = []

    def bad(data, _):
        if b"_k210m(" in data and len(damaged) < 1:
            damaged.append(data)
            return data.replace(*change)
        if damaged and b":done" in data and len(damaged) < 2:
            damaged.append(data)
            return data.replace(b":done", b":dome")
        return data

    bridged(board, bad)
    board.write("/sd/named.bin", b"the same")
    assert len(damaged) == 2
    assert (unpaced.sd / "named.bin").read_bytes() == b"the same"
    assert [one.name for one in unpaced.sd.glob("named*")] == ["named.bin"]
    (unpaced.sd / "named.bin").unlink()


@pytest.mark.parametrize("folder", ["/sd", "/sd/", "/flash", "/sd/inside"])
def test_a_folder_is_no_file(unpaced, board, folder):
    (unpaced.sd / "inside").mkdir(exist_ok=True)
    with pytest.raises(RefusedError, match=f"{folder} is a folder on the board"):
        board.read(folder)
    with pytest.raises(RefusedError, match=f"{folder} is a folder on the board"):
        board.write(folder, b"1")


def test_a_missing_file_and_folder_are_named(board):
    with pytest.raises(BoardError, match=r"no .*nowhere\.bin"):
        board.read("/sd/nowhere.bin")
    with pytest.raises(BoardError, match="no folder /sd/nowhere"):
        board.write("/sd/nowhere/a.bin", b"1")
