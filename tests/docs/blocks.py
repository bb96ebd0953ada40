"""Fenced blocks of a page, and what following a page does with them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TIME_LIMIT_S = 1200

_BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n+)?^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"# (\S+\.(?:py|toml))\n")
_CHANGED = re.compile(r"^\+\+\+ b/(\S+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Attributes:
        kind: What stands behind the fence.
        text: Without the indentation of the fence.
        skipped: Whether a comment before it says that it is not run.
    """

    kind: str
    text: str
    skipped: bool

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
            bool(match["skip"]),
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
    for block in blocks:
        if block.skipped or block in quoted:
            continue
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.quoted)
        elif block.kind == "diff":
            apply(block.text, folder)
        elif block.kind == "sh":
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                cwd=folder,
                env={**os.environ, "PATH": path, **environment},
                timeout=TIME_LIMIT_S,
                check=True,
            )
