"""Models on a board, held against the simulator to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from harness.board.latency import camera_fps, measure
from harness.board.pixels import on_grid
from harness.board.runner import Runner
from harness.errors import BoardError
from harness.kmodel import load, save
from harness.simulator import Simulator

from .conftest import FOLDER, stock

pytestmark = pytest.mark.hil

SMALL = ("maxpool_leaky", "odd_37x23", "residual", "acts_raw")


def images(program, count=2):
    random = np.random.default_rng(7)
    found = random.integers(0, 256, (count, *program.inputs[0].buffer.shape[1:]), np.uint8)
    found[-1] = 255
    return on_grid(found)


def expected(program, x):
    return [value.numpy() for value in Simulator(program)(x).values()]


@pytest.mark.parametrize("name", SMALL)
def test_outputs_are_those_of_the_simulator(board, card, needs_v4, needs_pictures, name):
    kmodel = stock(name)
    program = load(kmodel)
    x = images(program)
    with Runner(board, kmodel, board.info.kpu_api, card) as runner:
        found = runner.run(x).outputs
    for ours, theirs in zip(expected(program, x), found, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_any_layer_comes_from_a_model_cut_behind_it(board, card, needs_v4, needs_pictures):
    program = load(stock("maxpool_leaky"))
    x = images(program, 1)
    for operation in program.operations:
        if operation.kind() != "kpu_conv2d":
            continue
        cut = load(save(program.until(operation.name, as_float=True)))
        with Runner(board, save(cut), board.info.kpu_api, card) as runner:
            (found,) = runner.run(x).outputs
        (wanted,) = expected(cut, x)
        assert found.tobytes() == wanted.tobytes(), operation.name


def test_a_cut_run_goes_on_where_it_was(
    board, card, needs_v4, needs_pictures, tmp_path, monkeypatch
):
    kmodel, kept = stock("odd_37x23"), tmp_path / "kept.jsonl"
    x = images(load(kmodel), 4)
    x[2] //= 2
    x = on_grid(x)
    ran = []
    real = Runner.infer

    def counted(self, one, *more):
        ran.append(one)
        if len(ran) == 3:
            raise KeyboardInterrupt
        return real(self, one, *more)

    monkeypatch.setattr(Runner, "infer", counted)
    with Runner(board, kmodel, board.info.kpu_api, card) as runner:
        with pytest.raises(KeyboardInterrupt):
            runner.run(x, checkpoint=kept)
        before = len(ran)
        found = runner.run(x, checkpoint=kept).outputs
    assert len(ran) - before == 2
    assert found[0].tobytes() == expected(load(kmodel), x)[0].tobytes()
    assert not kept.exists()


def test_a_model_of_another_generation_is_refused_before_it_is_sent(board):
    with pytest.raises(BoardError, match=r"this is a v5.*k210 convert"):
        board.info.refuse_unloadable((FOLDER / "acts.kmodel").read_bytes())


def test_latency_is_that_of_five_inputs(board, card, needs_v4, needs_pictures):
    kmodel = stock("odd_37x23")
    with Runner(board, kmodel, board.info.kpu_api, card) as runner:
        found = measure(runner, images(load(kmodel), 6), seconds=1)
    assert found.inputs == 5
    assert found.runs >= 5
    assert found.seconds >= 1
    assert 0 < found.p50 <= found.p95 <= found.p99
    assert found.fps == pytest.approx(1000 / found.p50, rel=0.5)


def test_the_camera_loop_has_a_frame_rate(board):
    if "sensor" not in board.info.modules or "lcd" not in board.info.modules:
        pytest.skip("this firmware has no camera")
    assert 0 < camera_fps(board, lines=2) < 100
