"""Profile modern: a current MicroPython, with raw-paste and without Ctrl-C in a busy loop."""

from __future__ import annotations

import os

import pytest

from harness.board.board import Board
from harness.board.virtual import start

from .client import RAW, ProgramError
from .test_mpremote import mpremote


@pytest.fixture(scope="module")
def board(micropython):
    with start("modern") as board:
        Board.open(board.port).close()  # mpremote does not wait for the boot
        yield board


def test_syntax_of_later_micropythons_is_known(client):
    assert client.run("x = 41\nprint(f'{x + 1}')") == "42\n"
    with pytest.raises(ProgramError, match="ZeroDivisionError"):
        client.run("1 / 0")


def test_raw_paste_opens_a_window_and_runs_what_came(client):
    client.send(b"\x05A\x01")
    assert client.until(b"\x00\x01") == b"R\x01\x80\x00\x01"
    code = b"x = '" + b"y" * 200 + b"'\nprint(len(x))"
    client.send(code[:128])
    assert client.until(b"\x01") == b"\x01"
    client.send(code[128:] + b"\x04")
    assert client.until(b"\x04>") == b"\x04200\r\n\x04\x04>"


def test_ctrl_c_ends_what_waits_on_the_host(client):
    client.send(b"import time\ntime.sleep(60)\x04")
    client.until(b"OK")
    client.quiet(0.2)
    client.send(b"\x03")
    assert b"KeyboardInterrupt" in client.until(b"\x04>", 2)


def test_soft_and_hard_reset(client):
    client.send(b"\x04")
    assert b"soft reboot" in client.until(RAW)
    client.send(b"import machine\nmachine.reset()\x04")
    assert b"Pll0:freq" in client.until(b">>> ")


def test_modules_of_the_file_system_are_imported_by_the_engine_itself(client):
    client.run("f = open('/sd/own.py', 'w')\nf.write('x = 8')\nf.close()")
    assert client.run("exec('import own\\nprint(own.x)')") == "8\n"


def test_mpremote_copies_with_raw_paste(board, tmp_path):
    data, back = os.urandom(5000), tmp_path / "back.bin"
    (tmp_path / "there.bin").write_bytes(data)
    mpremote(board, "cp", tmp_path / "there.bin", ":/sd/data.bin")
    mpremote(board, "cp", ":/sd/data.bin", back)
    assert (board.sd / "data.bin").read_bytes() == back.read_bytes() == data


def test_our_transport_uses_raw_paste_and_files_travel(board):
    data = os.urandom(3000)
    with Board.open(board.port) as there:
        there.exec("x = 1\n" * 600 + "x = 2\n")
        assert there.repl.probe_raw_paste()
        assert there.eval("x") == 2
        there.write("/sd/far.bin", data)
        assert there.read("/sd/far.bin") == data
