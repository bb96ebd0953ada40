"""`k210 bench board`, its rows of faults: what they count is what happened."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest

from harness.bench import faults
from harness.bench.bad_line import check_arrived
from harness.board import virtual
from harness.board.recovery.recover import LostBoardError
from harness.board.runner import Results
from harness.errors import BoardError
from harness.kmodel import load
from harness.simulator import Simulator
from tests.board.conftest import lock_folder, micropython  # noqa: F401  the same board
from tests.hil.conftest import stock

pytestmark = pytest.mark.usefixtures("micropython")


def test_rows_of_transfers_count_what_arrived():
    cut, bad = faults.cuts(3), faults.bad_transfers(3)
    assert (cut.transfers, cut.complete, cut.faults) == (3, 3, 3)
    assert 0 < cut.most_bytes_twice <= cut.window_bytes
    assert (bad.transfers, bad.complete) == (3, 3)
    assert "3 of 3 complete" in bad.said


def test_a_transfer_that_fails_is_not_counted(monkeypatch):
    def failing(board, seed, reset):
        if seed == 1:
            raise BoardError("lost")
        return 0

    monkeypatch.setattr(faults, "cut_once", failing)
    assert (faults.cuts(3).transfers, faults.cuts(3).complete) == (3, 2)


def test_what_did_not_arrive_is_seen():
    with virtual.start(baud=0, files={"/sd/a": b"one", "/sd/b": b"b"}) as board:
        check_arrived(board, "/sd/a", b"one")
        with pytest.raises(BoardError, match="not what was sent"):
            check_arrived(board, "/sd/a", b"two")
        with pytest.raises(BoardError, match="not what was sent"):
            check_arrived(board, "/sd/c", b"")


def test_results_that_differ_are_not_counted_as_equal():
    kmodel = stock("odd_37x23")
    program = load(kmodel)
    shape = program.inputs[0].buffer.shape[1:]
    inputs = np.random.default_rng(0).integers(0, 256, (4, *shape), np.uint8)
    outputs = tuple(value.numpy().copy() for value in Simulator(program)(inputs).values())
    found = Results(outputs, np.zeros(4, np.int64))
    assert faults._bit_equal(kmodel, inputs, found) == 4
    outputs[0][2].flat[random.Random(0).randrange(outputs[0][2].size)] += 1
    assert faults._bit_equal(kmodel, inputs, dataclasses.replace(found)) == 3


def test_a_lost_board_is_a_row_that_failed_with_its_reason(monkeypatch):
    def lost(*_, **__):
        raise LostBoardError("the board does not come back")

    assert faults.inferences(stock("acts"), 3).failure == ""
    monkeypatch.setattr(faults.Runner, "run", lost)
    row = faults.inferences(stock("acts"), 3)
    assert (row.inferences, row.results, row.bit_equal) == (3, 0, 0)
    assert row.said.startswith("failed after 0 faults and ")
    assert row.said.endswith("s: the board does not come back")


def test_a_dead_board_that_is_not_noticed_is_a_row_too():
    def unnoticed():
        raise BoardError("a board that was stopped has taken a file")

    row = faults._dead("dead_board_in_a_transfer", unnoticed)
    assert row.seconds is None
    assert row.said == "failed: a board that was stopped has taken a file"
    assert faults._dead("dead", lambda: 2.0).said == "known after 2.0 s"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_rows(monkeypatch):
    amount = faults.Amount(cuts=2, bad_transfers=2, inferences=60)
    rows = {row.name: row for row in faults.bench_faults(amount)}
    run = rows["inferences_fault_every_50"]
    assert run.inferences == run.results == run.bit_equal == 60
    assert run.faults >= 1
    assert 0 < rows["dead_board_in_a_transfer"].seconds < 10
    assert 0 < rows["dead_board_in_a_run"].seconds < 10
