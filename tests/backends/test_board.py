"""The backend `board` beside the backend `kpu`, on a virtual board."""

from __future__ import annotations

import numpy as np
import pytest

import harness.backends as backends
from harness.backends.base import Subject
from harness.backends.board import BoardBackend
from harness.board import latency
from harness.board.virtual import installation
from harness.errors import UsageError
from harness.files import cache_folder
from harness.method import InputContract
from tests.conftest import REPOSITORY

KMODEL = (REPOSITORY / "fixtures" / "kmodels" / "maxpool_leaky.kmodel").read_bytes()
SUBJECT = Subject(InputContract((3, 48, 64)), ("y",), kmodel=KMODEL)


@pytest.fixture(scope="module", autouse=True)
def _virtual_board():
    status = installation.status(cache_folder())
    if not status.ready:
        pytest.skip(status.text)


def images(count):
    return np.random.default_rng(3).integers(0, 256, (count, 3, 48, 64), np.uint8)


def test_board_and_kpu_are_equal_to_the_bit_on_what_the_board_was_given(monkeypatch):
    monkeypatch.setattr(latency, "SECONDS", 0.2)
    with BoardBackend("virtual") as board:
        given = board.deliverable(SUBJECT.contract, images(5))
        found = board.run(SUBJECT, given)
    expected = backends.get("kpu").run(SUBJECT, given)
    assert (given != images(5)).any()
    assert found.outputs["y"].tobytes() == expected.outputs["y"].tobytes()
    assert (found.latency_ms > 0).all()
    assert found.board["kind"] == "virtual"
    assert found.board["inputs"] == "RGB565 pictures"
    assert "fps of inference alone" in found.board["latency_rule"]


def test_a_board_that_is_not_open_says_so():
    with pytest.raises(UsageError, match="not open"):
        BoardBackend("virtual").run(SUBJECT, images(1))
