"""The line, the REPL and the files of a board."""

from __future__ import annotations

import os

import pytest

from harness.board.failures import ScriptError
from harness.board.files import file_systems, listed, remove
from harness.errors import BoardError

pytestmark = pytest.mark.hil


def test_a_board_says_what_it_is(board):
    info = board.info
    assert info.kind in ("virtual", "remote", "real")
    assert info.firmware
    assert info.heap_free > 100_000
    assert info.kmodel_versions


def test_values_come_back(board):
    assert board.exec("print(6 * 7)") == "42\n"
    assert board.eval("{'a': [1, 2.5, None, b'x\\x00']}") == {"a": [1, 2.5, None, b"x\0"]}


def test_long_code_arrives_whole(board):
    lines = [f"x{number} = {number}" for number in range(400)]
    board.exec("\n".join([*lines, "print(x0 + x399)"]))
    assert board.eval("x399") == 399


def test_an_error_names_our_line(board):
    code = "def f():\n    return 1 // 0\n\n\nf()\n"
    with pytest.raises(ScriptError, match="ZeroDivisionError") as caught:
        board.exec(code, name="broken.py")
    assert caught.value.line == 2


def test_a_busy_loop_is_stopped(board):
    if "current MicroPython" in board.info.machine:
        pytest.skip("this build of MicroPython for WebAssembly looks for no Ctrl-C in loops")
    with pytest.raises(BoardError):
        board.exec("while True:\n    pass", timeout=2)
    assert board.eval("1 + 1") == 2


def test_the_repl_is_there_after_a_soft_reset(board):
    board.exec("left_over = 1")
    board.soft_reset()
    assert board.eval("'left_over' in globals()") is False


@pytest.mark.parametrize("size", [0, 1, 527, 528, 529, 3000])
def test_files_come_back_to_the_byte(board, card, size):
    data, path = os.urandom(size), f"{card}/k210test.bin"
    board.write(path, data)
    assert board.read(path) == data
    assert ("k210test.bin", size) in [(entry.name, entry.size) for entry in listed(board, card)]
    remove(board, path)
    assert "k210test.bin" not in [entry.name for entry in listed(board, card)]


def test_nothing_is_left_of_a_file_that_does_not_fit(board, card):
    free = next(system.free for system in file_systems(board) if system.path == card)
    if free > 8 << 20:
        pytest.skip("too much room to fill it in a test")
    before = [entry.name for entry in listed(board, card)]
    with pytest.raises(BoardError, match="needs"):
        board.write(f"{card}/k210big.bin", bytes(free + 1))
    assert [entry.name for entry in listed(board, card)] == before


def test_a_missing_file_is_named(board, card):
    with pytest.raises(BoardError, match=r"no .*nowhere\.bin"):
        board.read(f"{card}/nowhere.bin")
