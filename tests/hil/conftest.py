"""What tests on a board share. They are the same for virtual and for real boards."""

from __future__ import annotations

import pytest

from harness.convert import convert
from harness.kmodel import load, save
from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "fixtures" / "kmodels"


def stock(name: str) -> bytes:
    """Return one of the repository's v5 models as kmodel v4."""
    return save(convert(load(FOLDER / f"{name}.kmodel"), 4).program)


@pytest.fixture(scope="session")
def card(board):
    """The folder on the board with the most room."""
    return max(board.info.file_systems, key=lambda system: system.free).path


@pytest.fixture
def needs_v4(board):
    """Skip where the firmware loads kmodel v3 only."""
    if 4 not in board.info.kmodel_versions:
        pytest.skip("this firmware loads no kmodel v4")


@pytest.fixture
def needs_pictures(board):
    """Skip where inputs do not travel as MaixPy's pictures."""
    if board.info.kpu_api != "KPU":
        pytest.skip("this firmware takes no pictures through module KPU")
