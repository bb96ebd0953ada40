"""The commands of README and docs, executed as they stand: `tox run -e examples`.

Every fenced block marked `sh` is run by bash, the blocks of a page one after the other in one
empty folder that has the repository's `fixtures` in it. A block after a comment
`<!-- not run: REASON -->` is left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
TIME_LIMIT_S = 1200

_BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n+)?^```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    kind: str
    text: str
    skipped: bool


def blocks_of(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [
        Block(match["kind"], match["text"], bool(match["skip"])) for match in _BLOCK.finditer(text)
    ]


@pytest.mark.sim
@pytest.mark.timeout(0)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_the_commands_of_a_page_run(page, tmp_path):
    (tmp_path / "fixtures").symlink_to(REPOSITORY / "fixtures")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks_of(page.read_text()):
        if block.kind == "python" and block.text.startswith("# "):
            # A file of the reader's: its first line is its name.
            (tmp_path / block.text.splitlines()[0][2:].strip()).write_text(block.text)
        elif block.kind == "sh" and not block.skipped:
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                cwd=tmp_path,
                env={**os.environ, "PATH": path},
                timeout=TIME_LIMIT_S,
                check=True,
            )


def test_blocks_are_found():
    page = (
        "a\n```sh\nk210 --help\n```\n<!-- not run: set-up -->\n```sh\nrm x\n```\n"
        "```python\n# n.py\n```\n"
    )
    assert [(b.kind, b.skipped) for b in blocks_of(page)] == [
        ("sh", False),
        ("sh", True),
        ("python", False),
    ]
