"""Help that fits a terminal of any width, from docstrings that fit a page.

Typer joins the lines of a docstring's first paragraph only, and keeps or drops the indentation of
examples as other paragraphs stand around them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import typer

INDENT = "    "
# A terminal of 80 columns, less Typer's margins.
MOST_COLUMNS = 78
_OUTSIDE_QUOTES = re.compile(r"""(?:"[^"]*"|'[^']*'|[^\s"'])+""")


def reflow(app: typer.Typer) -> None:
    """Give every command below `app` a help text of whole paragraphs."""
    for command in app.registered_commands:
        command.help = reflowed(inspect.getdoc(command.callback) or "")
    for group in app.registered_groups:
        if group.typer_instance is not None:
            reflow(group.typer_instance)


def reflowed(text: str) -> str:
    """Return a docstring with one line a paragraph, and its examples below each other."""
    prose: list[str] = []
    examples: list[str] = []
    for part in text.split("\n\n"):
        if part.startswith(INDENT):
            examples += [line for command in part.splitlines() for line in _broken(command)]
        elif part.strip():
            prose.append(" ".join(part.split()))
    if not examples:
        return "\n\n".join(prose)
    first, *rest = prose
    # Without the line more, Typer would take the examples' indentation for the docstring's.
    return "\n\n".join([first, "\n" + "\n\n".join([*rest, "\n".join(examples)])])


def _broken(command: str) -> Iterator[str]:
    """Yield a command line in lines that a shell puts together again."""
    line = INDENT
    for word in _OUTSIDE_QUOTES.findall(command):
        if len(line) + len(word) + 2 > MOST_COLUMNS:
            yield f"{line}\\"
            line = 2 * INDENT
        line += f"{word} "
    yield line.rstrip()
