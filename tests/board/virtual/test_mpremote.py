"""A client that nobody here wrote: mpremote of the MicroPython project."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from harness.board.board import Board

pytest.importorskip("mpremote", reason="mpremote is not installed")


@pytest.fixture(scope="module", autouse=True)
def booted(board):
    """mpremote asks once, and waits without end for a board that was still booting then."""
    Board.open(board.port).close()


def mpremote(board, *arguments, status=0):
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", board.port, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_exec_prints_what_the_board_prints(board):
    assert mpremote(board, "exec", "print(6 * 7)") == "42\n"


def test_an_exception_ends_it(board):
    assert "ZeroDivisionError" in mpremote(board, "exec", "1/0", status=1)


def test_run_runs_a_file_of_the_host(board, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import os\nfor name in sorted(os.listdir('/')):\n    print('/' + name)\n")
    assert mpremote(board, "run", script) == "/flash\n/sd\n"


def test_files_go_both_ways_unchanged(board, tmp_path):
    data = os.urandom(10000)
    there, back = tmp_path / "there.bin", tmp_path / "back.bin"
    there.write_bytes(data)
    mpremote(board, "cp", there, ":/sd/data.bin")
    assert (board.sd / "data.bin").read_bytes() == data
    assert "data.bin" in mpremote(board, "ls", ":/sd")
    assert hashlib.sha256(data).hexdigest() in mpremote(board, "sha256sum", ":/sd/data.bin")
    mpremote(board, "cp", ":/sd/data.bin", back)
    assert back.read_bytes() == data


def test_reset_and_soft_reset_leave_a_board_that_answers(board):
    mpremote(board, "reset")
    assert mpremote(board, "exec", "print(1)") == "1\n"
    mpremote(board, "soft-reset")
    assert mpremote(board, "exec", "print(2)") == "2\n"
