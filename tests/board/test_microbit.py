"""A MicroPython that nobody here wrote: 1.9.2 on an emulated micro:bit.

It has no raw paste, 9 KB of heap, a receive buffer of 64 bytes, and no ubinascii, uhashlib,
compile, rename or statvfs.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from harness.board.board import Board
from harness.board.failures import ScriptError, SilentBoardError
from harness.board.files import file_systems, listed, remove
from harness.board.room import LEAST_ROOM
from harness.errors import BoardError
from tests.board.conftest import MICROBIT_ROOM


@pytest.fixture
def board(microbit):
    with Board.open(microbit, room=MICROBIT_ROOM) as opened:
        opened.soft_reset()  # its 9 KB are needed
        yield opened


def test_code_prints(board):
    assert board.exec("print('hi')\nprint(6*7)") == "hi\n42\n"


def test_what_is_printed_is_shown_as_it_comes(board):
    seen = []
    board.exec("from microbit import sleep")
    board.exec("for i in range(5):\n print(i)\n sleep(50)", show=seen.append)
    assert "".join(seen) == "0\n1\n2\n3\n4\n"
    assert len(seen) > 1


def test_values_come_back(board):
    for value in (1, -7, "ä'\n", (1, [2.5, None]), {"a": True}, b"\x00\xff"):
        assert board.eval(repr(value)) == value


def test_a_value_without_a_literal_is_refused(board):
    with pytest.raises(BoardError, match="no literal"):
        board.eval("len")


def test_long_code_arrives_whole_through_a_short_buffer(board):
    # Longer than its buffer by far, and with bytes that a REPL would take for commands.
    text = "".join(random.Random(0).choices("abcdefgh \x01\x02\x03\x04\x05äβ", k=200))
    assert board.exec(f"x={text!r}\nprint(len(x))") == "200\n"
    assert board.eval("x") == text


def test_the_least_room_is_enough(microbit):
    with Board.open(microbit, room=LEAST_ROOM) as board:
        board.soft_reset()
        assert board.exec("#" * 100 + "\nprint('x' * 3)") == "xxx\n"
        assert board.eval("(" + "1," * 40 + ")") == (1,) * 40


def test_an_error_names_our_file_and_line(board):
    code = "def f():\n    return 1/0\n\n\nf()\n"
    with pytest.raises(ScriptError) as raised:
        board.exec(code, name="mine.py")
    error = raised.value
    assert (error.kind, error.line) == ("ZeroDivisionError", 2)
    assert "(in mine.py line 2, from mine.py line 5)" in str(error)
    assert error.traceback.splitlines()[1] == '  File "mine.py", line 5, in <module>'
    assert board.eval("1") == 1


def test_an_error_in_long_code_names_our_line_too(board):
    with pytest.raises(ScriptError) as raised:
        board.exec("# a comment\n" * 12 + "nothing\n", name="long.py")
    assert (raised.value.kind, raised.value.line) == ("NameError", 13)
    assert "<stdin>" not in raised.value.traceback


def test_a_syntax_error_names_our_line(board):
    with pytest.raises(ScriptError, match=r"SyntaxError.*\(in x.py line 2\)"):
        board.exec("a = 1\nb = = 2\n", name="x.py")


def test_too_little_memory_is_said(board):
    with pytest.raises(ScriptError, match=r"MemoryError.*heap is too small"):
        board.exec("a = bytearray(50000)")


def test_a_missing_module_is_said(board):
    with pytest.raises(ScriptError, match="lacks a module"):
        board.exec("import KPU")


def test_a_busy_loop_is_interrupted_at_its_limit(board):
    started = time.monotonic()
    with pytest.raises(SilentBoardError, match=r"still ran .* after 0.5 s, and was interrupted"):
        board.exec("while True: pass", timeout=0.5)
    assert time.monotonic() - started < 3
    assert board.eval("2") == 2


def test_ctrl_c_here_stops_the_program_there(board):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        board.exec("while True: pass")
    assert board.eval("3") == 3


def test_a_program_that_ran_before_is_stopped_and_the_next_session_works(microbit):
    with Board.open(microbit, room=MICROBIT_ROOM) as first:
        first.repl.line.write(b"while True: pass\x04")
        first.repl.line.drain(0.1, 0.3)
        first._close_port()  # as a harness that died
    for number in range(3):
        with Board.open(microbit, room=MICROBIT_ROOM) as later:
            assert later.eval(str(number)) == number


def test_a_soft_reset_forgets_and_tools_come_back(board):
    board.exec("x = 1")
    assert board.eval("x") == 1
    assert "soft reboot" in board.soft_reset()
    with pytest.raises(ScriptError, match="NameError"):
        board.exec("x")
    assert board.eval("5") == 5


def test_there_is_no_raw_paste(board):
    assert not board.repl.probe_raw_paste()


@pytest.mark.parametrize("size", [0, 1, 300])
def test_a_file_goes_there_and_back(board, size):
    data = random.Random(size).randbytes(size)
    board.write("a.bin", data)
    assert board.read("a.bin") == data
    assert [(entry.name, entry.size) for entry in listed(board)] == [("a.bin", size)]
    board.write("a.bin", b"other")
    assert board.read("a.bin") == b"other"
    remove(board, "a.bin")
    assert listed(board) == ()


def test_a_file_that_is_not_there(board):
    for act in (board.read, lambda path: remove(board, path)):
        with pytest.raises(BoardError, match=r"there is no none\.txt"):
            act("none.txt")


@pytest.fixture
def damaging(board, monkeypatch):
    """Turn one bit over in the commands with a block that a function picks by their number."""

    def start(picked):
        write, count = board.repl.line.write, itertools.count(1)

        def damaged(data):
            if b"_k210w(" in data and picked(next(count)):
                at = data.index(b",b'") + 3
                data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            write(data)

        monkeypatch.setattr(board.repl.line, "write", damaged)

    return start


def test_a_damaged_block_is_sent_again(board, damaging):
    damaging(lambda number: number % 5 == 0)
    data = bytes(65 + index % 26 for index in range(150))
    board.write("b.bin", data)
    assert board.read("b.bin") == data
    remove(board, "b.bin")


def test_a_transfer_that_fails_leaves_nothing(board, damaging):
    damaging(lambda number: number > 10)
    with pytest.raises(BoardError, match=r"a block at byte \d+ arrived damaged"):
        board.write("c.bin", b"A" * 150)
    assert listed(board) == ()
    assert board.eval("6") == 6


def test_who_it_is(board):
    info = board.info
    assert (info.platform, info.micropython) == ("microbit", "1.9.2")
    assert "micro:bit with nRF51822" in info.machine
    assert (info.kpu_api, info.kmodel_versions) == (None, ())
    assert info.kind == "virtual"
    assert 1000 < info.heap_free < info.heap_total < 12_000
    assert file_systems(board) == info.file_systems == ()
    assert board.info is info
    with pytest.raises(BoardError, match="no KPU module"):
        info.refuse_unloadable(Path("fixtures/kmodels/stride4.kmodel").read_bytes())
