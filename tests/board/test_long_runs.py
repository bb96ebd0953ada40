"""Data sets on a board that fails: every result once, in order, to the bit."""

from __future__ import annotations

import time

import numpy as np
import pytest

from harness.board.board import Board
from harness.board.checkpoint import Checkpoint, digest
from harness.board.failures import RefusedError
from harness.board.pixels import on_grid
from harness.board.recovery.recover import LostBoardError
from harness.board.runner import Runner
from harness.board.virtual import start
from harness.errors import BoardError
from harness.kmodel import load
from harness.simulator import Simulator
from tests.conftest import timed
from tests.hil.conftest import stock

pytestmark = pytest.mark.usefixtures("micropython")

MODEL = "odd_37x23"
EVERY = 50


def images(program, count):
    """Return different inputs [N, C, H, W] of no more than 3 KB each."""
    shape = program.inputs[0].buffer.shape[1:]
    assert np.prod(shape) <= 3072
    return on_grid(np.random.default_rng(11).integers(0, 256, (count, *shape), np.uint8))


def check(program, inputs, found):
    """Results are those of the simulator, in order, to the bit."""
    wanted = [value.numpy() for value in Simulator(program)(inputs).values()]
    for ours, theirs in zip(found.outputs, wanted, strict=True):
        assert len(ours) == len(inputs)
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize(
    "count",
    [100, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])],
)
def test_a_fault_every_fifty_runs_costs_no_result(tmp_path, count):
    kmodel = stock(MODEL)
    program = load(kmodel)
    inputs = images(program, count)
    fault = f"any:every={EVERY},unit=runs,seed=5,seconds=0.5"
    with start(baud=0, faults=[fault]) as virtual, Board.open(virtual.port) as board:
        with Runner(board, kmodel, "KPU", "/sd", patience=3.0) as runner:
            found = runner.run(inputs, checkpoint=tmp_path / "kept.jsonl")
        struck = [one["kind"] for one in virtual.strikes()]
        check(program, inputs, found)
    assert len(struck) >= count // EVERY
    assert not (tmp_path / "kept.jsonl").exists()


@timed
def test_a_run_goes_on_under_another_name(tmp_path):
    kmodel = stock(MODEL)
    program = load(kmodel)
    inputs = images(program, 12)
    fault = "unplug:every=6,unit=runs,seed=1,seconds=0.5"
    with start(baud=0, faults=[fault]) as virtual, Board.open(virtual.port) as board:
        port = virtual.port
        with Runner(board, kmodel, "KPU", "/sd") as runner:
            check(program, inputs, runner.run(inputs))
        assert board.repl.line.url == virtual.port
        assert {one["kind"] for one in virtual.strikes()} == {"unplug"}
        assert {one.helped for one in board.recoveries} == {"replug"}
        assert port != virtual.port


@timed
def test_what_was_kept_is_not_run_again_on_the_next_board(tmp_path):
    kmodel, kept = stock(MODEL), tmp_path / "kept.jsonl"
    program = load(kmodel)
    inputs = images(program, 10)
    virtual = start(baud=0)
    board = Board.open(virtual.port)
    try:
        with (  # noqa: PT012
            pytest.raises(LostBoardError, match="did not come back"),
            Runner(board, kmodel, "KPU", "/sd", patience=2.0, wait=0.5) as runner,
        ):
            infer = runner.infer

            def until_unplugged(x, *more):
                if digest(x) == digest(inputs[6]):
                    virtual.kill()
                return infer(x, *more)

            runner.infer = until_unplugged
            runner.run(inputs, checkpoint=kept)
    finally:
        board.close()
        virtual.close()
    assert len(kept.read_text().splitlines()) == 1 + 6
    with start(baud=0) as other, Board.open(other.port) as board:
        ran = []
        with Runner(board, kmodel, "KPU", "/sd") as runner:
            infer = runner.infer
            runner.infer = lambda x, *more: ran.append(digest(x)) or infer(x, *more)
            check(program, inputs, runner.run(inputs, checkpoint=kept))
    assert ran == [digest(x) for x in inputs[6:]]


@timed
def test_a_board_that_dies_in_a_run_is_known_within_ten_seconds(tmp_path, monkeypatch):
    kmodel, log = stock(MODEL), tmp_path / "faults.jsonl"
    inputs = images(load(kmodel), 5)
    known = []

    def revive(why, wait=None):
        known.append(time.time())
        raise LostBoardError(why)

    fault = "wedge:every=4,unit=runs,most=1,seed=2"
    with start(baud=0, faults=[fault], fault_log=log) as virtual:
        board = Board.open(virtual.port)
        monkeypatch.setattr(board, "revive", revive)
        with pytest.raises(LostBoardError), Runner(board, kmodel, "KPU", "/sd") as runner:
            runner.run(inputs)
        board.close()
        died = log.stat().st_mtime
    assert 0 < known[0] - died < 10


@pytest.mark.parametrize("code", [2006, 2008])
def test_a_board_that_fails_each_time_says_why(code):
    kmodel = stock(MODEL)
    inputs = images(load(kmodel), 1)
    fault = f"kpu:every=1,code={code}"
    with (
        start(baud=0, faults=[fault]) as virtual,
        Board.open(virtual.port) as board,
        Runner(board, kmodel, "KPU", "/sd") as runner,
        pytest.raises(BoardError, match=f"KPU error {code}"),
    ):
        runner.run(inputs)


def test_a_full_card_is_said_at_once():
    kmodel = stock(MODEL)
    inputs = images(load(kmodel), 1)
    room = -(-len(kmodel) // 4096) * 4096 + 4096
    with start(baud=0, faults=[f"full:free={room}"]) as virtual, Board.open(virtual.port) as board:
        with (
            pytest.raises(RefusedError, match=r"no room for .*k210-in0"),
            Runner(board, kmodel, "KPU", "/sd") as runner,
        ):
            runner.run(inputs)
        assert not board.recoveries
        assert board.eval("1 + 1") == 2


def test_an_input_that_the_line_has_renamed_is_not_taken():
    kmodel = stock(MODEL)
    program = load(kmodel)
    inputs = images(program, 2)
    with start(baud=0) as virtual, Board.open(virtual.port) as board:
        with Runner(board, kmodel, "KPU", "/sd") as runner:
            runner.put(inputs[1], 1)
            line, write, renamed = board.repl.line, board.repl.line.write, []

            def garbling(data):
                if b"infer(" in data and not renamed:
                    renamed.append(data)
                    data = data.replace(b"k210-in0", b"k210-in1")
                write(data)

            line.write = garbling
            check(program, inputs[:1], runner.run(inputs[:1]))
        assert renamed


def test_a_checkpoint_has_each_result_once(tmp_path):
    kmodel = stock(MODEL)
    with start(baud=0) as virtual, Board.open(virtual.port) as board:
        inputs = images(load(kmodel), 3)
        with Runner(board, kmodel, "KPU", "/sd") as runner:
            result = runner.infer(inputs[0])
            subject = {"kmodel": runner.sha256, "firmware": "", "api": "KPU"}
            kept = Checkpoint(tmp_path / "kept", subject, runner.forms)
            kept.put(digest(inputs[0]), result)
            same = np.concatenate([inputs, inputs])
            found = runner.run(same, checkpoint=tmp_path / "kept")
    check(load(kmodel), same, found)
