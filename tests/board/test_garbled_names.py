"""A line that turns the name in a call into another file's: its answer is not taken for ours."""

from __future__ import annotations

import pytest

from harness.board import virtual
from harness.board.answers import DamagedAnswerError
from harness.board.board import Board
from harness.board.files import remove
from harness.board.transfer.plain import PlainTransfer
from harness.board.transfer.steps import beginning, check_room, discard, hash_of, size_of, told_of

MINE, OTHER = b"mine" * 40, b"of somebody else"


class Garbling:
    """A line that changes a name in what is sent, so many times.

    Args:
        line: The good line.
        often: How often.

    Attributes:
        where: What has to be in a call that is changed.
    """

    def __init__(self, line, often=1):
        self._line, self.left, self.where = line, often, b""

    def __getattr__(self, name):
        return getattr(self._line, name)

    def write(self, data):
        if self.left and b"mine.bin" in data and self.where in data:
            self.left -= 1
            data = data.replace(b"mine.bin", b"minf.bin")
        self._line.write(data)


@pytest.fixture(scope="module")
def unpaced(micropython):
    with virtual.start(baud=0) as board:
        yield board


@pytest.fixture
def board(unpaced):
    (unpaced.sd / "mine.bin").write_bytes(MINE)
    (unpaced.sd / "minf.bin").write_bytes(OTHER)
    with Board.open(unpaced.port) as opened:
        opened.repl.line = Garbling(opened.repl.line)
        yield opened
        opened.repl.line.left = 0


def struck(board):
    return board.repl.line.left == 0


def test_the_size_is_that_of_the_file_that_was_asked_for(board):
    assert size_of(board, "/sd/mine.bin") == len(MINE)
    assert struck(board)


def test_so_is_the_hash(board):
    assert hash_of(board, "/sd/mine.bin", 100) == told_of(board, MINE)
    assert struck(board)


def test_and_its_beginnings(board):
    assert beginning(board, "/sd/mine.bin", MINE) == len(MINE)
    assert struck(board)


def test_what_is_discarded_or_removed_is_no_other_file(unpaced, board):
    discard(board, "/sd/mine.bin")
    assert struck(board)
    assert (unpaced.sd / "minf.bin").read_bytes() == OTHER
    board.repl.line.left, board.repl.line.where = 1, b"os.remove"
    with pytest.raises(DamagedAnswerError):
        remove(board, "/sd/mine.bin")
    assert (unpaced.sd / "minf.bin").read_bytes() == OTHER


def test_the_plain_transfer_begins_no_other_file(unpaced, board):
    board.repl.line.where = b"open("
    PlainTransfer().write(board, "/sd/mine.bin", MINE * 2)
    assert struck(board)
    assert (unpaced.sd / "minf.bin").read_bytes() == OTHER
    assert (unpaced.sd / "mine.bin").read_bytes() == MINE * 2
    assert not (unpaced.sd / "minf.bin.part").exists()


def test_room_is_that_of_the_folder(board):
    board.repl.line.left = 1
    check_room(board, "/sd/mine.bin", 10)
    assert size_of(board, "/sd/mine.bin") == len(MINE)


class DamagedOnce:
    """What reads a line and turns one bit of the first answer, however the line cuts it up.

    Args:
        read: What reads the good line.
        after: How many bytes behind the mark of an answer the bit is.
    """

    MARK = b"k210:"

    def __init__(self, read, after=10):
        self._read, self._after = read, after
        self._seen, self.struck = b"", False

    def __call__(self, seconds):
        data = self._read(seconds)
        start, self._seen = len(self._seen), self._seen + data
        mark = self._seen.find(self.MARK)
        at = mark + len(self.MARK) + self._after - start
        if self.struck or mark < 0 or not 0 <= at < len(data):
            return data
        self.struck = True
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_an_answer_that_came_damaged_is_asked_for_again(board):
    board.repl.line.left = 0
    size_of(board, "/sd/mine.bin")
    board.repl.line.read = damaged = DamagedOnce(board.repl.line.read)
    assert size_of(board, "/sd/mine.bin") == len(MINE)
    assert damaged.struck
