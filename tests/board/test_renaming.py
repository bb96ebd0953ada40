"""A file gets the name of another: whatever a reset cuts, one of the two has it afterwards."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from harness.board import on_board, virtual
from harness.board.board import Board
from harness.board.failures import SilentBoardError
from harness.board.files import remove
from harness.board.transfer import PART, settle

OLD, NEW = b"what was there", b"what is to be there, and longer"


class Cut(BaseException):
    """A reset."""


class CutDisk:
    """What `os` is to the tools: a file system that renames onto nothing, until it is reset.

    Args:
        steps: Changes after which the reset comes.
    """

    def __init__(self, steps):
        self._left = steps

    def _change(self, action, *paths):
        if self._left == 0:
            raise Cut
        self._left -= 1
        action(*paths)

    def stat(self, path):
        return Path(path).stat()

    def remove(self, path):
        self._change(os.remove, path)

    def rename(self, old, new):
        if Path(new).exists():
            raise OSError(17)
        self._change(os.rename, old, new)


def called(tool, name, *paths, steps=99):
    """Run a function of a tool over a disk; say whether it came to its end."""
    said = []
    code = tool.replace(" import os\n", "")
    names = {"os": CutDisk(steps), "_k210": said.append}
    exec(code, names)
    try:
        names[name](*map(str, paths))
    except Cut:
        return False
    return bool(said)


def renamed(part, path, steps=99):
    return called(on_board.RENAME, "_k210m", part, path, steps=steps)


def settled(path, steps=99):
    return called(on_board.STAT, "_k210s", path, steps=steps)


@pytest.mark.parametrize("left", [None, b"left over"])
def test_after_any_two_resets_one_of_both_has_the_name(tmp_path, left):
    ended = []
    for number, (first, second) in enumerate(itertools.product(range(6), range(3))):
        path = tmp_path / f"{number}.bin"
        part, was = Path(f"{path}{PART}"), Path(f"{path}{on_board.WAS}")
        path.write_bytes(OLD)
        part.write_bytes(NEW)
        if left:
            was.write_bytes(left)
        ended.append(renamed(part, path, steps=first))
        settled(path, steps=second)
        assert settled(path)
        assert path.read_bytes() in (OLD, NEW)
        assert path.read_bytes() == NEW or part.read_bytes() == NEW
        assert not was.exists()
        assert renamed(part, path)
        assert path.read_bytes() == NEW
        assert not part.exists()
        assert not was.exists()
    assert {True, False} == set(ended)


def test_a_new_name_needs_no_other(tmp_path):
    path, part = tmp_path / "a", tmp_path / f"a{PART}"
    part.write_bytes(NEW)
    assert not renamed(part, path, steps=0)
    assert renamed(part, path, steps=1)
    assert renamed(part, path)
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_what_cannot_be_renamed_leaves_the_old_file(tmp_path, monkeypatch):
    path, part = tmp_path / "a", tmp_path / f"a{PART}"
    path.write_bytes(OLD)
    part.write_bytes(NEW)
    real = os.rename
    monkeypatch.setattr(os, "rename", lambda old, new: real(old if old != str(part) else "", new))
    with pytest.raises(OSError, match="No such file"):
        renamed(part, path)
    assert path.read_bytes() == OLD
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="21"):
        renamed(part, tmp_path / "folder")


@pytest.fixture(scope="module")
def unpaced(micropython):
    with virtual.start(baud=0) as board:
        yield board


def reset_after(board, changes):
    """Let a board start anew behind so many changes of its file system."""
    board.exec(
        "import os,machine\n"
        f"left={changes}\n"
        "def cut(f):\n"
        " def g(*a):\n"
        "  global left\n"
        "  f(*a)\n"
        "  left-=1\n"
        "  if not left: machine.reset()\n"
        " return g\n"
        "os.rename=cut(os.rename);os.remove=cut(os.remove)"
    )


@pytest.mark.parametrize("system", ["sd", "flash"])
@pytest.mark.parametrize("changes", [1, 2, 3])
def test_a_board_that_is_reset_while_it_renames_has_one_of_the_two(unpaced, changes, system):
    folder = unpaced.sd if system == "sd" else unpaced.flash
    path = f"/{system}/model.bin"
    (folder / "model.bin").write_bytes(OLD)

    with Board.open(unpaced.port) as board:
        reset_after(board, changes)
        with pytest.raises(SilentBoardError, match="started again"):
            board.write(path, NEW)
    with Board.open(unpaced.port, patience=10) as board:
        assert board.read(path) == (OLD if changes == 1 else NEW)
        board.write(path, NEW)
        assert (folder / "model.bin").read_bytes() == NEW
    assert [one.name for one in folder.glob("model*")] == ["model.bin"]


def test_a_board_that_was_brought_back_ends_the_renaming(unpaced):
    (unpaced.sd / "again.bin").write_bytes(OLD)
    with Board.open(unpaced.port) as board:
        reset_after(board, 1)
        with pytest.raises(SilentBoardError):
            board.write("/sd/again.bin", NEW)
        board.revive("it was reset")
        board.write("/sd/again.bin", NEW)
        assert board.read("/sd/again.bin") == NEW
    assert [one.name for one in unpaced.sd.glob("again*")] == ["again.bin"]


def test_what_is_removed_does_not_come_back(unpaced):
    (unpaced.sd / "gone.bin").write_bytes(NEW)
    (unpaced.sd / f"gone.bin{on_board.WAS}").write_bytes(OLD)
    with Board.open(unpaced.port) as board:
        remove(board, "/sd/gone.bin")
        settle(board, "/sd/gone.bin")
    assert not list(unpaced.sd.glob("gone*"))
