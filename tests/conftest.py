"""Fixtures that several folders share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: a busy machine is no fault. In CI the examples are the same at every run, so that a
# change is judged by itself; elsewhere they are new ones each time.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# A shell's background jobs begin with Ctrl-C ignored, and so would the programs that tests
# interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent

# For tests that hold the wall's clock against a limit: a machine that was busy is asked again.
timed = pytest.mark.flaky(reruns=2)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of third-party files that are not part of this repository."""
    folder = Path(os.environ.get("K210_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder of third-party files at {folder.name} (set K210_SHARED)")
    return folder


@pytest.fixture(autouse=True)
def _no_user_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees errors in one line, as users do."""
    monkeypatch.delenv("K210_DEBUG", raising=False)
