"""The time of a model on a virtual board: by the published figures, or by a profile."""

import tempfile
from dataclasses import replace

import numpy as np
import pytest

from harness.board.board import Board
from harness.board.pixels import on_grid
from harness.board.runner import Runner
from harness.board.virtual import start
from harness.errors import UsageError
from harness.kmodel import load
from harness.timing import Law, predict
from harness.timing.boards import board_titled
from harness.timing.costs import total
from harness.timing.fitting import Observation, residuals
from harness.timing.own_board import fit_own
from harness.timing.prices import PRICES
from harness.timing.profile import write_law
from harness.timing.steps import network_of
from tests.conftest import timed
from tests.hil.conftest import stock

pytestmark = pytest.mark.usefixtures("micropython")

STICK = board_titled("M5StickV")
# A board that copies three times as slowly and computes at a third of the clock.
CHANGED = {"copied_byte": 3.0, "kpu_cycle": 3.0, "v4_move": 2.0}
SLOW = Law(
    {name: replace(price, ns=price.ns * CHANGED.get(name, 1.0)) for name, price in PRICES.items()}
)


def times(board, name, runs=7):
    """Return the shortest time of a model by the board's clock, in ms, and its program."""
    kmodel = stock(name)
    program = load(kmodel)
    shape = program.inputs[0].buffer.shape[1:]
    inputs = on_grid(np.random.default_rng(3).integers(0, 256, (runs, *shape), np.uint8))
    with Runner(board, kmodel) as runner:
        found = runner.run(inputs)
    return float(found.microseconds.min()) / 1e3, program


@timed
def test_a_model_takes_the_time_of_a_profile(tmp_path):
    profile = tmp_path / "slow.json"
    write_law(profile, SLOW, 3)
    with start(baud=0, timing=profile) as virtual, Board.open(virtual.port) as board:
        taken, program = times(board, "residual")
    wanted = predict(program, board=STICK, law=SLOW).ms
    assert wanted > 1.3 * predict(program, board=STICK).ms
    # What the interpreter around the call takes of the host's time is left out but for jitter.
    assert wanted - 1 < taken < wanted + 5


def test_a_profile_that_is_none_starts_no_board_and_leaves_no_folder(tmp_path, monkeypatch):
    (tmp_path / "none.json").write_text("{}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(UsageError, match="k210 fit"):
        start(timing=tmp_path / "none.json")
    assert [path.name for path in tmp_path.iterdir()] == ["none.json"]


@pytest.mark.slow
def test_the_constants_of_a_board_are_found_by_its_runs(tmp_path):
    profile = tmp_path / "slow.json"
    write_law(profile, SLOW, 3)
    models = ("residual", "mbv1_025_128", "upsample_nearest", "odd_37x23", "maxpool_leaky", "acts")
    seen = []
    with start(baud=0, timing=profile) as virtual, Board.open(virtual.port) as board:
        for name in models:
            taken, program = times(board, name, runs=15)
            wanted = total(network_of(program))
            seen.append(Observation("virtual", name, wanted, taken, STICK.clocks))
    found = fit_own(seen, "a virtual board")
    assert np.abs(residuals(seen, found.law.prices)).max() < 0.1
    assert np.abs(residuals(seen, PRICES)).max() > 0.4
    copied = found.law.prices["copied_byte"].ns
    assert copied == pytest.approx(SLOW.prices["copied_byte"].ns, rel=0.25)
