"""Against nncase's own simulator: compile, run both, and every byte has to be the same."""

import zlib

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from harness.compiler.lower import to_nncase_dialect
from harness.compiler.source import source_of_module
from harness.compiler.worker.client import get_worker
from harness.errors import CompileError
from harness.kmodel import load
from harness.method import InputContract
from harness.simulator import Simulator
from reference.coin_classifier.networks import MobileNetV1
from tests.simulator.graphs import conv, small_graphs

pytestmark = pytest.mark.sim

GRAPHS = small_graphs()
# The x86 kernel of this operation uses an approximation of exp.
BUILT_ON_EXP = {"softmax"}
# nncase 1.9 itself cannot compile it.
REFUSED = {"transposed"}


def compiled(module, shape, seed=0):
    source = source_of_module(
        module.eval(), "graph", InputContract(shape, "GRAY" if shape[0] == 1 else "RGB"), ("y",)
    )
    calibration = pictures(4, shape, seed)
    result = get_worker().compile(
        to_nncase_dialect(source.data),
        "onnx",
        input_shape=(1, *shape),
        input_range=(0.0, 1.0),
        calibration=calibration,
    )
    return result.kmodel


def pictures(count, shape, seed=1):
    images = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    images[0], images[1] = 0, 255
    return images


def run_both(kmodel, images):
    expected = get_worker().simulate(kmodel, images).outputs
    found = Simulator(load(kmodel))(images)
    return [value.numpy() for value in found.values()], expected


@pytest.mark.parametrize("name", sorted(set(GRAPHS) - REFUSED))
def test_small_graphs(name):
    module, shape = GRAPHS[name]
    for found, expected in zip(*run_both(compiled(module, shape), pictures(4, shape)), strict=True):
        assert found.shape == expected.shape
        if name in BUILT_ON_EXP:
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
        else:
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("width", [0.25, 0.5, 0.75, 1.0])
def test_mobilenets(width):
    torch.manual_seed(0)
    shape = 3, 96, 128
    kmodel = compiled(MobileNetV1(20, width), shape)
    (found,), (expected,) = run_both(kmodel, pictures(4, shape))
    np.testing.assert_array_equal(found, expected)


@st.composite
def networks(draw):
    """Draw a legal chain of layers, its input shape and a seed."""
    height, width = start = draw(st.integers(8, 40)), draw(st.integers(8, 70))
    channels = into = draw(st.sampled_from([1, 3]))
    layers: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv1", "conv3", "depthwise", "strided", "max", "mean"]))
        if kind in ("max", "mean"):
            if not layers or min(height, width) < 8:
                continue
            height, width = height // 2, width // 2
            layers.append(nn.MaxPool2d(2) if kind == "max" else nn.AvgPool2d(2))
            continue
        out = channels if kind == "depthwise" else draw(st.integers(1, 20))
        stride = 2 if kind == "strided" and min(height, width) >= 10 else 1
        groups = channels if kind == "depthwise" else 1
        layers.append(conv(channels, out, 1 if kind == "conv1" else 3, stride, groups))
        height, width, channels = -(-height // stride), -(-width // stride), out
        activation = draw(st.sampled_from([nn.ReLU, nn.ReLU6, nn.Identity, nn.Sigmoid, nn.SiLU]))
        layers.append(activation())
        if draw(st.booleans()):
            layers.append(nn.LeakyReLU(0.1))
    return nn.Sequential(conv(into, into, 1), *layers), (into, *start), draw(st.integers(0, 99))


def check(drawn):
    module, shape, seed = drawn
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data.normal_(0, 0.4, generator=generator)
    try:
        kmodel = compiled(module, shape, seed)
    except CompileError:
        return  # what nncase refuses cannot be compared
    for found, expected in zip(*run_both(kmodel, pictures(3, shape)), strict=True):
        np.testing.assert_array_equal(found, expected)


SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=30, derandomize=True, **SLOW)
@given(networks())
def test_random_graphs(drawn):
    check(drawn)


@pytest.mark.slow
@pytest.mark.timeout(0)
@settings(max_examples=300, **SLOW)
@given(networks())
def test_many_random_graphs(drawn):
    check(drawn)


def test_a_batch_gives_what_single_items_give():
    module, shape = GRAPHS["residual"]
    simulator, images = Simulator(load(compiled(module, shape))), pictures(5, shape)
    together = simulator(images)["output_0"].numpy()
    alone = [simulator(image[None])["output_0"].numpy() for image in images]
    assert zlib.crc32(together.tobytes()) == zlib.crc32(np.concatenate(alone).tobytes())
