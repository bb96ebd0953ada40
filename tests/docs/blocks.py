"""Fenced blocks of a page, and what following a page does with them."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TIME_LIMIT_S = 1200
WAIT_S = 60
INTERRUPTED = 130
# Comments before a block: it wants a board, which is a virtual one here; it stays until Ctrl-C.
ON_A_BOARD, STAYS = "on a virtual board", "until it is interrupted"

_BLOCK = re.compile(
    r"(?:<!-- (?P<note>[^>]+) -->\n+)?^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_RUN = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
_FILE = re.compile(r"# (\S+\.(?:py|toml))\n")
_CHANGED = re.compile(r"^\+\+\+ b/(\S+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Attributes:
        kind: What stands behind the fence.
        text: Without the indentation of the fence.
        note: What a comment right before it says.
    """

    kind: str
    text: str
    note: str = ""

    @property
    def skipped(self) -> bool:
        """Whether it is not run, for a reason that the comment gives."""
        return self.note.startswith("not run: ")

    @property
    def file(self) -> str:
        """The file that the block is, or stands in: its first line names it; empty for none."""
        named = _FILE.match(self.text) if self.kind in ("python", "toml") else None
        return named[1] if named else ""

    @property
    def quoted(self) -> str:
        """The text behind the name of its file."""
        return self.text.partition("\n")[2]


def blocks_of(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [
        Block(
            match["kind"],
            re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE),
            match["note"] or "",
        )
        for match in _BLOCK.finditer(text)
    ]


def quotes(blocks: list[Block]) -> list[Block]:
    """Return the blocks that quote a file of the repository."""
    return [block for block in blocks if block.file and (REPOSITORY / block.file).is_file()]


def apply(change: str, folder: Path) -> None:
    """Apply a change to a file. Its hunks have no line numbers: each has to fit in one place."""
    named = _CHANGED.search(change)
    assert named, change
    path = folder / named[1]
    text = path.read_text()
    for hunk in change[named.end() :].split("@@\n")[1:]:
        lines = [(line[:1], line[1:]) for line in hunk.splitlines(keepends=True)]
        before = "".join(rest for mark, rest in lines if mark != "+")
        after = "".join(rest for mark, rest in lines if mark != "-")
        assert text.count(before) == 1, f"{named[1]} has not one place for:\n{hunk}"
        text = text.replace(before, after)
    path.write_text(text)


def follow(page: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Do what a page says: write its files, apply its changes, run its commands."""
    blocks = blocks_of(page.read_text())
    quoted = quotes(blocks)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {**os.environ, "PATH": path, **environment}
    with ExitStack() as stack:
        if any(block.note == ON_A_BOARD for block in blocks):
            from harness.board.virtual import start

            given["K210_BOARD"] = stack.enter_context(start(baud=0)).port
        for block in blocks:
            if not block.skipped and block not in quoted:
                _do(block, folder, given)


def _do(block: Block, folder: Path, environment: Mapping[str, str]) -> None:
    if block.file:
        (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.file).write_text(block.quoted)
    elif block.kind == "diff":
        apply(block.text, folder)
    elif block.note == STAYS:
        _interrupt(block.text.strip(), folder, environment)
    elif block.kind in _RUN:
        command = [*_RUN[block.kind], block.text]
        subprocess.run(command, cwd=folder, env=environment, timeout=TIME_LIMIT_S, check=True)


def _interrupt(command: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Start a command that stays, and press Ctrl-C once it says that it is there."""
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"], cwd=folder, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        ready, _, _ = select.select([process.stdout], [], [], WAIT_S)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(WAIT_S) == INTERRUPTED, command
        finally:
            process.kill()
        assert ready, f"{command} says nothing"
