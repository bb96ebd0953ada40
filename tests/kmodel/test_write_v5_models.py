"""Models that are written again or truncated, as nncase 1.9's simulator and ours compute them."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from harness.compiler.worker.client import get_worker
from harness.kmodel import load
from harness.kmodel.v5.writer import write
from harness.kmodel.v5.writer.delivery import delivered
from harness.simulator import Simulator
from reference.coin_classifier.networks import MobileNetV1
from tests.kmodel.conftest import V5
from tests.kmodel.v5_programs.cuts import cuts, golden, said
from tests.simulator.graphs import small_graphs
from tests.simulator.test_differential import BUILT_ON_EXP, REFUSED, compiled, pictures

SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


# Whole models.


def check_with_nncase(kmodel, images):
    written = write(load(kmodel))
    worker = get_worker()
    expected, found = (worker.simulate(file, images).outputs for file in (kmodel, written))
    ours = Simulator(load(written))(images).values()
    before = Simulator(load(kmodel))(images).values()
    for one, two, three, four in zip(expected, found, ours, before, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(three.numpy(), four.numpy())
    assert said(load(kmodel), load(written)) == []


@pytest.mark.sim
@pytest.mark.parametrize("name", V5)
def test_nncase_computes_the_same_from_written_goldens(name):
    program = golden(name)
    check_with_nncase(program.data.tobytes(), pictures(4, program.inputs[0].buffer.shape[1:]))


GRAPHS = small_graphs()
CHOSEN = [
    "conv_5x5",
    "conv_groups2",
    "conv_stride3",
    "dilated",
    "divide",
    "exp",
    "greatest",
    "hardswish_depthwise",
    "linear",
    "mean_of_lines",
    "pixel_shuffle",
    "pool_max3_stride2",
    "pool_mean3_stride1",
    "pool_max2_stride1",
    "product",
    "concat_deep",
    "residual_relu",
    "silu_3x3",
    "slice",
    "softmax",
    "squeeze_excite",
    "stride2_17x31",
    "sum_of_channels",
    "transpose",
    "transposed_3x3",
    "upsample_bilinear",
]


@pytest.mark.sim
@pytest.mark.parametrize("name", CHOSEN)
def test_nncase_computes_the_same_from_written_graphs(name):
    module, shape = GRAPHS[name]
    check_with_nncase(compiled(module, shape), pictures(3, shape))


@cache
def mobilenet(width, height=96, columns=128):
    torch.manual_seed(0)
    return compiled(MobileNetV1(20, width), (3, height, columns))


@pytest.mark.sim
@pytest.mark.parametrize("width", [0.25, 1.0])
def test_nncase_computes_the_same_from_written_mobilenets(width):
    check_with_nncase(mobilenet(width), pictures(3, (3, 96, 128)))


# Truncated models.


def results_of_all_layers(program, images):
    """Return what each layer of our simulator gives, by the operation's name."""
    simulator, found = Simulator(program), {}
    for name, layer in simulator.layers.items():
        layer.register_forward_hook(lambda _m, _x, out, name=name: found.update({name: out}))
    simulator(images)
    return found


def check_every_layer(program, images):
    found = results_of_all_layers(program, images)
    for operation in program.operations:
        kmodel = write(program.until(operation.name))
        for output in get_worker().simulate(kmodel, images).outputs:
            mine = found[operation.name].numpy().reshape(output.shape)
            np.testing.assert_array_equal(mine, output, err_msg=operation.name)


@pytest.mark.sim
@pytest.mark.parametrize("name", V5)
def test_nncase_gives_every_layer_of_truncated_goldens(name):
    program = golden(name)
    check_every_layer(program, pictures(3, program.inputs[0].buffer.shape[1:]))


@pytest.mark.sim
@pytest.mark.parametrize("name", ["concat_deep", "dilated", "squeeze_excite", "upsample_bilinear"])
def test_nncase_gives_every_layer_of_truncated_graphs(name):
    module, shape = GRAPHS[name]
    check_every_layer(load(compiled(module, shape)), pictures(2, shape))


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("width", [0.25, 0.5, 0.75, 1.0])
def test_nncase_gives_every_layer_of_truncated_mobilenets(width):
    check_every_layer(load(mobilenet(width, 224, 224)), pictures(2, (3, 224, 224)))


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", sorted(set(GRAPHS) - REFUSED - BUILT_ON_EXP))
def test_nncase_gives_every_layer_of_all_truncated_graphs(name):
    module, shape = GRAPHS[name]
    check_every_layer(load(compiled(module, shape)), pictures(2, shape))


@settings(max_examples=25, derandomize=True, **SLOW)
@given(cuts())
def test_any_cut_comes_back(program):
    """Also where an output has been overwritten: then it is what lies there at the end."""
    again = load(write(program))
    assert said(delivered(program), again) == []
    images = pictures(2, program.inputs[0].buffer.shape[1:])
    ends = (Simulator(one)(images).values() for one in (program, again))
    for one, two in zip(*ends, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


@pytest.mark.sim
@settings(max_examples=30, derandomize=True, **SLOW)
@given(cuts())
def test_nncase_gives_any_cut(program):
    images = pictures(2, program.inputs[0].buffer.shape[1:])
    expected = get_worker().simulate(write(program), images).outputs
    for mine, output in zip(Simulator(program)(images).values(), expected, strict=True):
        np.testing.assert_array_equal(mine.numpy(), output)
