"""Fixtures that the methods share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.reference.battery")

from harness.cli.app import run  # noqa: E402
from tests.reference.battery.listener import one_thread  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture
def failure(capsys):
    """Return the one line that a command fails with."""

    def call(*arguments) -> str:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr().err.splitlines()
        assert code == 2, said
        line = said[-1]
        assert line.startswith("k210: ")
        assert "unexpected" not in line
        return line

    return call
