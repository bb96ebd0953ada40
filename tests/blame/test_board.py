"""Layers on a virtual board, and firmware that rounds as an older one."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from harness.blame.analyse import analyse
from harness.blame.board_check import check_board, simulate
from harness.blame.layers import Layers, first_difference, on_board, on_nncase
from harness.board.virtual import installation
from harness.files import cache_folder
from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.simulator import Simulator
from tests.blame import cases

pytestmark = pytest.mark.sim

PICTURES = 2


@pytest.fixture
def _virtual_board():
    status = installation.status(cache_folder())
    if not status.ready:
        pytest.skip(status.text)


class Heard:
    """A listener that writes down what it is told."""

    def __init__(self):
        self.notes = []

    @contextmanager
    def task(self, title, _total):
        notes = self.notes

        class Task:
            def advance(self, _steps=1, note=""):
                notes.append((title, note))

        yield Task()

    def say(self, text):
        self.notes.append(("", text))


def asked(suspect, *names):
    return Layers(suspect.kmodel, suspect.contract, suspect.images[:PICTURES], names)


def kpu_names(suspect):
    return [one.name for one in load(suspect.kmodel).operations if isinstance(one, KpuConv2d)]


@pytest.fixture(scope="module")
def healthy():
    return cases.healthy(1)


@pytest.mark.slow
@pytest.mark.usefixtures("_virtual_board")
def test_a_layer_on_the_board_is_the_simulators_to_the_bit(healthy):
    first, second, *_ = kpu_names(healthy)
    heard = Heard()
    found = on_board(asked(healthy, first, second), "virtual", heard)
    # Each of the long steps says what it is: start, two runs, two cut models, the comparison.
    assert [note for title, note in heard.notes if title == "board" and "time" in note] == [
        "all pictures, time 1 of 2",
        "all pictures, time 2 of 2",
    ]
    assert f"the model cut behind {second}" in [note for _, note in heard.notes]
    assert found.board.startswith("virtual board")
    assert (found.first_layer, len(found.runs)) == ("", 2)
    answers = {**found.answers, **on_nncase(replace_images(healthy, found.images, second))}
    suspect = replace(healthy, images=found.images, board=found.runs, floats=None)
    blame = analyse(suspect, answers)
    assert blame.verdict.stage == "none"
    assert "board and simulator are equal on 2 pictures" in blame.verdict.evidence
    row = blame.row(second)
    assert row.accumulated["board"] == row.accumulated["kpu"] == row.accumulated["nncase"]
    assert "board" in blame.row(first).accumulated


def replace_images(suspect, images, name):
    return Layers(suspect.kmodel, suspect.contract, images, (name,))


def old_firmware(kmodel, x):
    """What a board with the rounding of nncase 0.1 gives."""
    found = Simulator(load(kmodel), "nncase-0.1")(x)
    return [value.float().numpy() for value in found.values()]


def test_an_old_firmware_is_named_with_the_layer_where_it_begins(healthy):
    suspect = replace(healthy, kmodel=cases.coarse(healthy.kmodel), floats=None)
    program = load(suspect.kmodel)
    names = [port.name for port in program.outputs]
    run = dict(zip(names, old_firmware(suspect.kmodel, suspect.images), strict=True))
    layer = first_difference(program, suspect.images, [run], old_firmware)
    assert layer in kpu_names(suspect)
    verdict = analyse(replace(suspect, board=(run,), board_layer=layer)).verdict
    assert (verdict.stage, verdict.layer) == ("firmware", layer), verdict
    assert "rounding of nncase-0.1 equals the board bit for bit" in verdict.evidence[0]


def runs_of(suspect):
    images = suspect.images[:PICTURES]
    return load(suspect.kmodel), images, simulate(load(suspect.kmodel), images)


def test_answers_that_change_for_equal_bytes_are_the_lines(healthy):
    program, images, simulated = runs_of(healthy)
    damaged = {name: np.array(value) for name, value in simulated.items()}
    next(iter(damaged.values()))[1] += 1
    found = check_board(program, images, [simulated, damaged], simulated)
    assert found.stage == "line"
    assert "1 of 2 pictures gave other answers" in found.evidence[0]


def test_a_board_that_gets_bgr_is_an_input_contract(healthy):
    program, images, simulated = runs_of(healthy)
    board = simulate(program, np.ascontiguousarray(images[:, ::-1]))
    found = check_board(program, images, [board, board], simulated)
    assert found.stage == "input contract"
    assert "BGR for RGB" in found.evidence[0]


def test_what_nothing_explains_is_the_firmwares_and_says_so(healthy):
    program, images, simulated = runs_of(healthy)
    board = {name: value + 1 for name, value in simulated.items()}
    found = check_board(program, images, [board, board], simulated, "02_kpu_conv2d")
    assert (found.stage, found.layer) == ("firmware", "02_kpu_conv2d")
    assert "2 runs agree with one another" in found.evidence[0]
    assert "neither" in found.evidence[1]
