"""Every command's help in a terminal of 80 columns."""

import re
import shlex
import textwrap

import pytest
import typer

from harness.cli import help_text
from harness.cli.app import app


def paths(command, path=()):
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from paths(below, (*path, name))


COMMANDS = [path for path in paths(typer.main.get_command(app)) if path]


@pytest.fixture
def help_of(k210_command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def call(path):
        ended = k210_command(*path, "--help")
        assert ended.code == 0
        return [line.rstrip() for line in ended.out.splitlines()]

    return call


def paragraphs(lines):
    """Yield the paragraphs above the panels, without the line of usage."""
    above = lines[: next(place for place, line in enumerate(lines) if line.startswith("╭"))]
    yield from (part.strip("\n") for part in re.split(r"\n\n+", "\n".join(above)) if part.strip())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_fits_80_columns(help_of, path):
    lines = help_of(path)
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if re.search(r"[a-zA-Z0-9]{2}…", line)], "cut"
    _, *prose = paragraphs(lines)
    for part in prose:
        if part.startswith("     "):
            joined = part.replace("\\\n", " ").splitlines()
            assert all(line.startswith("     k210 ") or "=" in line.split()[0] for line in joined)
            assert all(shlex.split(line) for line in joined)
        else:
            words = " ".join(part.split())
            assert part == textwrap.fill(words, 79, initial_indent=" ", subsequent_indent=" ")


def test_a_long_example_goes_on_in_the_next_line_as_a_shell_reads_it():
    command = 'k210 board recover /dev/ttyUSB0 --power-hook "uhubctl -l 1-1 -p 2 -a cycle" --json'
    text = help_text.reflowed(f"Do it.\n\nExamples:\n\n    {command}\n\n    k210 doctor")
    first, second, last = text.splitlines()[-3:]
    assert first.endswith("\\")
    assert max(map(len, (first, second))) <= 78
    assert shlex.split(f"{first[:-1]} {second}") == shlex.split(command)
    assert last == "    k210 doctor"
