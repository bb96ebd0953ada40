"""The command line as a user meets it, in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from harness.cli.app import run


@dataclass
class Ended:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)

    def error_line(self) -> str:
        """The one line of a failure."""
        assert self.code == 2, (self.code, self.out, self.err)
        (line,) = self.err.splitlines()
        assert line.startswith("k210: ")
        assert "unexpected" not in line
        return line


@pytest.fixture
def k210_command(capsys):
    def call(*arguments) -> Ended:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Eight pictures of 48x36 with some structure."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for index in range(8):
        blocks = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((48, 36)).save(folder / f"{index}.png")
    return folder
