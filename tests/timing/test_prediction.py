"""Times of programs."""

import time
from math import inf, nan

import pytest

from harness.errors import UsageError
from harness.kmodel import load
from harness.timing import Clocks, board_named, listing, predict
from harness.timing.published import networks
from harness.timing.steps import KpuStep, network_of
from tests.conftest import REPOSITORY, timed

FIXTURES = REPOSITORY / "fixtures" / "kmodels"


def best(action):
    """Return the seconds of the fastest of five."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def program(name="mbv1_025_128"):
    return load(FIXTURES / f"{name}.kmodel")


def test_the_parts_come_to_the_whole():
    found = predict(program("residual"))
    names = [operation.name for operation in program("residual").operations]
    assert [step.name for step in found.steps] == ["run", *names]
    assert all(step.ms > 0 for step in found.steps)
    assert found.ms == pytest.approx(found.kpu_ms + found.cpu_ms + found.move_ms)
    assert found.fps == pytest.approx(1000 / found.ms)
    assert found.cpu_ms > 0 < found.move_ms
    low, high = found.interval_ms
    assert low < found.ms < high <= 1.35 * found.ms


def test_the_input_of_a_v4_model_is_moved_first():
    found = predict(networks.listed("slim_320"))
    assert found.steps[1].step.kind == "input"
    assert found.steps[1].move_ms > 0


def test_computing_follows_the_clock_of_the_kpu():
    slow, fast = predict(program(), Clocks(kpu_hz=200e6)), predict(program())
    assert slow.compute_ms == pytest.approx(2 * fast.compute_ms)
    assert slow.cpu_ms == fast.cpu_ms
    late = predict(program(), Clocks(cpu_hz=200e6))
    assert late.cpu_ms == pytest.approx(2 * fast.cpu_ms)


def test_a_clock_that_stands_still_is_refused():
    for clock in (0, -1, nan, inf):
        with pytest.raises(UsageError, match="cannot run"):
            predict(program(), Clocks(kpu_hz=clock))


def test_the_costliest_come_first():
    found = predict(program("residual"))
    times = [step.ms for step in found.costliest]
    assert len(times) == 3
    assert times == sorted((step.ms for step in found.steps), reverse=True)[:3]


def test_the_camera_bounds_the_loop():
    stick, bit = board_named("m5stickv"), board_named("maix-bit")
    assert stick.loop_ms(0) == 2 * stick.frame_ms == pytest.approx(2 * 2 * bit.frame_ms)
    assert bit.loop_ms(500) == pytest.approx(bit.frame_ms + 500 + bit.display_ms)
    small = predict(program(), board=stick)
    assert 9 < 1000 / small.loop_ms < 12
    assert small.fps > 40


def test_an_unknown_board_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="m5stickv"):
        board_named("m5")


@pytest.mark.parametrize("name", ["mbv1_025_128", "residual", "acts", "odd_37x23"])
def test_a_network_as_text_costs_the_same(name):
    network = network_of(program(name))
    again = listing.read(listing.written(network))
    assert predict(again).ms == pytest.approx(predict(network).ms)
    assert listing.written(again) == listing.written(network)


def test_a_line_that_is_no_step_is_refused():
    with pytest.raises(ValueError, match="no step"):
        listing.read("v4 320x240\nkpu 3>16")


def test_predicting_takes_no_time_beside_reading():
    """Prediction looks at shapes only: it stays below reading a file, which touches weights."""
    path = FIXTURES / "mbv1_025_128.kmodel"
    loaded = load(path)
    assert best(lambda: predict(loaded)) < 2 * best(lambda: load(path))


@timed
def test_every_kmodel_is_predicted_within_50_ms(shared):
    """The figure of docs/prediction.md, with all that can be had; bench/prediction.py has times."""
    paths = [*FIXTURES.glob("*.kmodel"), *shared.rglob("*.kmodel")]
    assert len(paths) > 20
    for loaded in map(load, paths):
        assert best(lambda program=loaded: predict(program)) < 0.05


def test_the_law_is_asked_once_a_step():
    found = predict(networks.listed("yolox_nano"))
    assert len(found.steps) == 1 + 290
    assert sum(isinstance(step.step, KpuStep) for step in found.steps) == 120
