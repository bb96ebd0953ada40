"""`k210 board …` as a user meets it, on the emulated micro:bit and on ports without a board."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from harness.board import virtual
from harness.board.board import Board
from harness.board.lock import PortLock
from tests.board.conftest import MICROBIT_ROOM

COMMAND = (sys.executable, "-c", "from harness.cli import main; main()")


@pytest.fixture
def on_microbit(microbit, k210_command, monkeypatch):
    """Run a board command on the micro:bit."""
    monkeypatch.setenv("K210_BOARD_ROOM", str(MICROBIT_ROOM))
    monkeypatch.setenv("K210_BOARD", microbit)

    def call(*arguments):
        with Board.open(microbit) as board:
            board.soft_reset()  # its 9 KB of heap are needed
        return k210_command("board", *arguments)

    return call


def test_info(on_microbit, microbit):
    document = on_microbit("info", "--json").json()
    assert (document["port"], document["platform"]) == (microbit, "microbit")
    assert document["kmodel_versions"] == []
    assert "micro:bit" in on_microbit("info").out


def test_files_go_there_and_back(on_microbit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = bytes(range(256))
    (tmp_path / "a.bin").write_bytes(data)
    ended = on_microbit("put", "a.bin", "b.bin", "--json")
    assert ended.json()["bytes"] == 256
    assert on_microbit("ls", "--json").json() == [
        {"name": "b.bin", "is_folder": False, "size": 256}
    ]
    assert "b.bin" in on_microbit("ls").out
    assert on_microbit("get", "b.bin").code == 0
    assert (tmp_path / "b.bin").read_bytes() == data
    assert on_microbit("rm", "b.bin", "--json").json() == {"removed": "b.bin"}
    assert on_microbit("ls", "--json").json() == []
    assert on_microbit("df").code == 0
    assert "there is no b.bin" in on_microbit("get", "b.bin").error_line()


def test_a_script_runs_and_its_error_names_its_line(on_microbit, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("print('before')\n\nraise ValueError('why')\n")
    ended = on_microbit("exec", script)
    assert ended.out == "before\n"
    line = ended.error_line()
    assert "ValueError: why (in mine.py line 3)" in line
    assert on_microbit("exec", "-c", "print(6*7)", "--json").json() == {"printed": "42\n"}
    assert (
        "was interrupted"
        in on_microbit("exec", "-c", "while 1: pass", "--timeout", "0.3").error_line()
    )
    assert "file, or code" in on_microbit("exec").error_line()


def test_reset(on_microbit):
    assert "at its REPL" in on_microbit("reset", "--stop").out
    assert on_microbit("reset", "--json").json()["stopped"] is False
    assert on_microbit("exec", "-c", "print(1)").out == "1\n"


def test_a_kmodel_is_refused_before_a_byte_is_sent(on_microbit):
    line = on_microbit("put", "fixtures/kmodels/stride4.kmodel", "m.kmodel").error_line()
    assert "no KPU module" in line
    assert on_microbit("ls", "--json").json() == []


def test_ports_without_a_board(k210_command, peer, tmp_path):
    for port, said in (
        (tmp_path / "none", "there is no port"),
        (peer(lambda data: data).port, "sends back what it gets"),
    ):
        assert said in k210_command("board", "info", "--board", port).error_line()
        with PortLock(str(port)):
            pass


def test_a_locked_port_names_its_holder(k210_command, peer):
    port = peer().port
    with PortLock(port):
        assert str(os.getpid()) in k210_command("board", "info", "--board", port).error_line()


def test_list_is_a_list(k210_command):
    assert isinstance(k210_command("board", "list", "--json").json(), list)


def test_list_has_the_virtual_boards_that_run(k210_command, micropython, lock_folder):
    def listed():
        return [one["port"] for one in k210_command("board", "list", "--json").json()]

    with virtual.start(baud=0) as ours:
        assert ours.port in listed()
        (found,) = k210_command("board", "list", "--probe", "--json").json()
        assert found["boards"] == ["virtual board"]
        assert "virtual" in found["firmware"]
        ours.kill()
        assert list(lock_folder.glob("virtual-*"))
        assert not listed()


def test_a_folder_is_not_fetched(k210_command, micropython):
    with virtual.start(baud=0) as ours:
        line = k210_command("board", "get", "/sd", "--board", ours.port).error_line()
    assert "/sd is a folder on the board" in line


def test_every_board_command_shows_examples(k210_command):
    listed = ("list", "info", "put", "get", "ls", "rm", "df", "exec", "repl", "reset")
    for command in listed:
        ended = k210_command("board", command, "--help")
        assert f"k210 board {command}" in ended.out.partition("Examples")[2]


def environment(port):
    return {**os.environ, "K210_BOARD": port, "K210_BOARD_ROOM": str(MICROBIT_ROOM)}


def until(descriptor, wanted, seconds=20.0):
    """Read from a terminal until it shows something."""
    seen, end = b"", time.monotonic() + seconds
    while wanted not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        assert ready, seen
        seen += os.read(descriptor, 1024)
    return seen


def test_the_repl_on_a_terminal(microbit):
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "board", "repl"],
        stdin=terminal, stdout=terminal, stderr=terminal, env=environment(microbit),
    )  # fmt: skip
    try:
        until(screen, b">>> ")
        os.write(screen, b"print(6*7)\r")
        until(screen, b"42")
        os.write(screen, b"while True: pass\r\r")
        until(screen, b"... ")
        time.sleep(0.2)
        os.write(screen, b"\x03")
        until(screen, b"KeyboardInterrupt")
        os.write(screen, b"\x1d")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(screen)
        os.close(terminal)
    with PortLock(microbit):
        pass


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_leaves_the_board_at_its_repl(microbit, on_microbit, number, code):
    process = subprocess.Popen(
        [*COMMAND, "board", "exec", "-c", "print('go')\nwhile True: pass"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(microbit),
    )  # fmt: skip
    assert process.stdout.readline() == b"go\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert b"Traceback" not in said
    assert on_microbit("exec", "-c", "print(1)").out == "1\n"


def test_the_json_of_an_error_is_still_one_line(on_microbit):
    ended = on_microbit("exec", "-c", "1/0", "--json")
    assert ended.code == 2
    assert ended.out == ""
    with pytest.raises(json.JSONDecodeError):
        ended.json()
