"""The file systems of the board."""

from __future__ import annotations

import os

import pytest

from harness.board.virtual import start
from harness.errors import UsageError

from .client import Client, ProgramError


def test_what_a_program_writes_lies_on_the_host_and_comes_back(board, client):
    data = os.urandom(3000)
    code = f"f = open('/sd/a.bin', 'wb')\nprint(f.write({data[:200]!r}))\nf.close()"
    assert client.run(code) == "200\n"
    assert (board.sd / "a.bin").read_bytes() == data[:200]
    (board.sd / "b.bin").write_bytes(data)
    printed = client.run("print(open('/sd/b.bin', 'rb').read())", 30)
    assert eval(printed) == data


def test_text_lines_seek_and_append(client):
    code = """
with open('/flash/t.txt', 'w') as f:
    f.write('one\\ntwo\\n')
with open('/flash/t.txt', 'a') as f:
    f.write('three')
with open('/flash/t.txt') as f:
    print(list(f), f.seek(4), f.readline(), f.tell(), f.read())
"""
    assert client.run(code) == "['one\\n', 'two\\n', 'three'] 4 two\n 8 three\n"


def test_folders_are_listed_made_and_removed(client):
    code = """
import os
os.mkdir('/sd/d')
open('/sd/d/x', 'w').close()
print(os.listdir('/sd/d'), list(os.ilistdir('/sd/d')), os.stat('/sd/d/x')[6], os.listdir('/'))
os.rename('/sd/d/x', '/sd/d/y')
os.remove('/sd/d/y')
os.rmdir('/sd/d')
os.chdir('/flash')
print('d' in os.listdir('/sd'), os.getcwd())
os.chdir('/sd')
"""
    assert client.run(code) == "['x'] [('x', 32768, 0, 0)] 0 ['flash', 'sd']\nFalse /flash\n"


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("open('/sd/none')", 2),
        ("open('/none/x', 'w')", 2),
        ("import os; os.remove('/sd/none')", 2),
        ("open('/sd/../../../etc/passwd')", 2),
        ("import os; os.mkdir('/flash/d')", 1),
    ],
)
def test_what_cannot_be_done_is_an_oserror(client, code, number):
    with pytest.raises(ProgramError, match=rf"OSError: (\[Errno {number}\]|{number})"):
        client.run(code)


def test_flash_is_full_after_3_mib(board, client):
    (board.flash / "big").write_bytes(bytes(3 * 1024 * 1024 - 8192))
    try:
        with pytest.raises(ProgramError, match="28"):
            client.run("f = open('/flash/more', 'wb')\nf.write(bytes(20000))")
    finally:
        (board.flash / "big").unlink()


def test_a_board_without_a_card_has_no_sd(micropython):
    with start(card=False) as board, Client(board.port) as client:
        client.enter_raw()
        assert client.run("import os\nprint(os.listdir('/'), os.getcwd())") == "['flash'] /flash\n"


def test_the_folders_of_a_board_go_with_it(micropython):
    with start(files={"/sd/x": b"1"}) as board:
        root = board.flash.parent
        assert (root / "sd" / "x").read_bytes() == b"1"
    assert not root.exists()
    assert not board.running


def test_a_folder_of_the_user_stays(micropython, tmp_path):
    with start(files=tmp_path) as board:
        assert board.sd == tmp_path / "sd"
    assert (tmp_path / "flash").is_dir()


@pytest.mark.parametrize("name", ["/etc/passwd", "/sd/../x", "/flash", "sd"])
def test_files_that_are_on_no_board_are_refused(micropython, name):
    with pytest.raises(UsageError, match="no file of a board"):
        start(files={name: b""})


def test_an_unknown_profile_names_those_there_are():
    with pytest.raises(UsageError, match=r"m5stickv-0\.6, m5stickv-0\.4\.0"):
        start(profile="esp32")
