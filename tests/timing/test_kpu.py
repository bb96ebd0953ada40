import pytest

from harness.errors import UsageError
from harness.kmodel import load
from harness.timing import estimate, layer_time
from harness.timing.kpu import OVERHEAD_MS, RELATIVE_ERROR, WEIGHTS_MS_PER_KB, cycles
from tests.conftest import REPOSITORY

# bbs.sipeed.com/t/topic/691: 128 to 128 channels, 3x3, 16-bit weights, 300 MHz; measured ms.
SWEEP = {
    (16, 16): 0.417,
    (32, 16): 0.692,
    (32, 32): 1.138,
    (64, 32): 2.125,
    (64, 64): 3.891,
    (128, 64): 7.709,
    (128, 128): 14.778,
    (256, 256): 57.756,
}
# github.com/kendryte/nncase issue 92: 1x1 layers of MobileNet 0.75 at 224, 400 MHz; measured ms.
POINTWISE = [
    (112, 24, 48, 0.877),
    (112, 48, 96, 2.936),
    (56, 96, 96, 1.564),
    (56, 96, 192, 2.959),
    (28, 192, 192, 1.645),
    (28, 192, 384, 3.138),
    (14, 384, 384, 1.890),
]


@pytest.mark.parametrize(("size", "measured"), SWEEP.items())
def test_computing_takes_most_of_what_was_measured_and_never_more(size, measured):
    computed = cycles(*size, 128, 128, depthwise=False) / 300e6 * 1e3
    assert computed < measured
    if measured > 3:
        assert computed > 0.89 * measured


def test_narrow_maps_cost_as_much_as_16_columns():
    assert cycles(4, 4, 128, 128, False) == cycles(16, 4, 128, 128, False)
    assert cycles(17, 4, 1, 1, False) == cycles(32, 4, 1, 1, False) == 2
    assert cycles(65, 1, 1, 1, False) == 2


@pytest.mark.parametrize(("side", "into", "out", "measured"), POINTWISE)
def test_layers_of_a_mobilenet(side, into, out, measured):
    """Channels of these layers follow from the network, not from the log: 15 % is close."""
    computed = cycles(side, side, into, out, depthwise=False) / 400e6 * 1e3
    estimated = computed + OVERHEAD_MS + into * out / 1024 * WEIGHTS_MS_PER_KB
    assert estimated == pytest.approx(measured, rel=RELATIVE_ERROR / 2)


def test_a_depthwise_layer_pays_one_pair_of_channels_each():
    assert cycles(64, 10, 32, 32, depthwise=True) == 32 * 10


def test_estimate_of_a_program():
    program = load(REPOSITORY / "fixtures" / "kmodels" / "mbv1_025_128.kmodel")
    slow, fast = estimate(program, 200e6), estimate(program)
    assert len(fast.layers) == 28
    assert fast.kpu_ms == pytest.approx(sum(layer.ms for layer in fast.layers.values()))
    assert slow.compute_ms == pytest.approx(2 * fast.compute_ms)
    layer = program.operations[1]
    assert fast.layers[layer.name] == layer_time(layer)
    assert fast.compute_ms == pytest.approx(1.1, abs=0.05)


def test_a_clock_that_stands_still_is_refused():
    program = load(REPOSITORY / "fixtures" / "kmodels" / "acts.kmodel")
    for clock in (0, -1, float("nan")):
        with pytest.raises(UsageError):
            estimate(program, clock)
