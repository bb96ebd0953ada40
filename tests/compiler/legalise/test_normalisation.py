import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from harness.compiler.export import to_onnx
from harness.compiler.legalise import legalise
from harness.method import InputContract
from tests.compiler.legalise.conftest import OFF, apart, bytes_of, rewritten, run


def affine(norm):
    with torch.no_grad():
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.normal_()
    return norm


class AdaIN(nn.Module):
    """Instance normalisation with a style that is fixed at inference."""

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels)
        self.register_buffer("gamma", torch.rand(1, channels, 1, 1) + 0.5)
        self.register_buffer("beta", torch.randn(1, channels, 1, 1))

    def forward(self, x):
        return self.gamma * self.norm(x) + self.beta


def plain(model):
    kinds = {node.op_type for node in onnx.load_model_from_string(model).graph.node}
    return not kinds & {"InstanceNormalization", "LayerNormalization", "Sqrt", "Pow"}


NORMS = {
    "instance": lambda c, h, w: affine(nn.InstanceNorm2d(c, affine=True)),
    "instance, plain": lambda c, h, w: nn.InstanceNorm2d(c),
    "adaptive": lambda c, h, w: AdaIN(c),
    "group": lambda c, h, w: affine(nn.GroupNorm(2 if c > 3 else 3, c)),
    "one group": lambda c, h, w: affine(nn.GroupNorm(1, c)),
    "layer": lambda c, h, w: affine(nn.LayerNorm([c, h, w])),
    "layer, plain": lambda c, h, w: nn.LayerNorm([c, h, w], elementwise_affine=False),
    "layer, last axis": lambda c, h, w: affine(nn.LayerNorm(w)),
}


@pytest.mark.parametrize("kind", NORMS)
@pytest.mark.parametrize("front", ["convolution", "nothing"])
def test_exact_means_exact(same, kind, front):
    torch.manual_seed(0)
    channels = 3 if front == "nothing" else 8
    before = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()] if front == "convolution" else []
    net = nn.Sequential(*before, NORMS[kind](channels, 12, 10))
    assert len(same(net, (3, 12, 10), "norm", "exact")) == 1
    assert plain(rewritten(net, (3, 12, 10), norm="exact")[1])


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(-6, 6), st.floats(-3, 3), st.integers(0, 5))
def test_any_scale_offset_and_sparsity_is_exact(seed, scale, offset, kept):
    """The steps are enough whatever the values: spread, shifted, or few of them."""
    torch.manual_seed(0)
    before, after, _ = rewritten(nn.InstanceNorm2d(3, eps=1e-12), (3, 16, 16), norm="exact")
    rng = np.random.default_rng(seed)
    picture = rng.normal(size=(1, 3, 16, 16)) * 2.0**scale
    if kept:
        picture[:, :, kept:] = 0
    spread = picture.std((2, 3), keepdims=True)
    picture = (picture + offset * spread).astype(np.float32)
    assert apart(run(after, picture), run(before, picture)) <= 1e-5


def test_a_flat_map_is_zero_and_one_hot_is_exact():
    before, after, _ = rewritten(nn.InstanceNorm2d(3), (3, 32, 32), norm="exact")
    picture = np.full((1, 3, 32, 32), 0.7, np.float32)
    assert np.abs(run(after, picture)).max() < 1e-3
    picture[:, :, 5, 7] = 100
    assert apart(run(after, picture), run(before, picture)) <= 1e-5


def test_the_convolution_in_front_is_evened_out():
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, 3, padding=1)
    conv.weight.data *= torch.logspace(-3, 1, 8).view(-1, 1, 1, 1)
    net = nn.Sequential(conv, nn.InstanceNorm2d(8))
    before, after, _ = rewritten(net, (3, 12, 12), norm="exact")
    graph = onnx.load_model_from_string(after).graph
    weights = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    (layer,) = (node for node in graph.node if node.op_type == "Conv")
    norms = np.linalg.norm(weights[layer.input[1]].reshape(8, -1), axis=1)
    np.testing.assert_allclose(norms, 1, rtol=1e-5)
    assert len(layer.input) == 2
    picture = np.random.default_rng(0).normal(size=(1, 3, 12, 12)).astype(np.float32)
    assert apart(run(after, picture), run(before, picture)) <= 1e-5


def layer_normalization(opset):
    rng = np.random.default_rng(0)
    constants = {n: rng.normal(size=(6, 8)).astype(np.float32) for n in ("scale", "bias")}
    graph = helper.make_graph(
        [helper.make_node("LayerNormalization", ["x", "scale", "bias"], ["y"], "norm", axis=2)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 6, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3, 6, 8))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model.SerializeToString()


@pytest.mark.parametrize("opset", [17, 18])
def test_the_onnx_operation_of_newer_sets_is_known(opset):
    before = layer_normalization(opset)
    done = legalise(before, bytes_of((3, 6, 8)), requests={**OFF, "norm": "exact"})
    assert plain(done.data)
    picture = np.random.default_rng(1).normal(size=(1, 3, 6, 8)).astype(np.float32)
    assert apart(run(done.data, picture), run(before, picture)) <= 1e-5


@pytest.mark.parametrize("front", [True, False])
def test_folded_is_the_mean_over_the_calibration_images_and_says_how_far_off(front):
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 3, 3, padding=1)] if front else []
    net = nn.Sequential(*body, affine(nn.InstanceNorm2d(3, affine=True))).eval()
    shape = (3, 16, 16)
    _, after, (applied,) = rewritten(net, shape, norm="fold")
    kinds = [node.op_type for node in onnx.load_model_from_string(after).graph.node]
    assert kinds == ["Conv"]

    norm = net[-1]
    with torch.no_grad():
        inner = net[:-1](torch.from_numpy(bytes_of(shape) / 255).float())
        mean = inner.mean((2, 3)).mean(0)
        root = (inner.var((2, 3), unbiased=False) + norm.eps).mean(0).sqrt()
        folded = (inner - mean[:, None, None]) / root[:, None, None]
        exact = nn.functional.instance_norm(inner)
        expected = folded * norm.weight[:, None, None] + norm.bias[:, None, None]
    picture = (bytes_of(shape)[:1] / 255).astype(np.float32)
    assert apart(run(after, picture)[0], expected[0].numpy()) <= 1e-5
    noise = ((folded - exact).norm() / exact.norm()).item()
    assert noise > 0
    assert applied.noise == pytest.approx(noise, rel=1e-3)
    assert f"{noise:.1%}" in applied.cost


def test_folded_behind_a_transposed_convolution_it_goes_into_the_weights():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.ConvTranspose2d(3, 4, 4, 2, 1), affine(nn.InstanceNorm2d(4, affine=True))
    )
    alone = rewritten(net, (3, 8, 8), norm="fold")[1]
    both = rewritten(net, (3, 8, 8), norm="fold", transposed="subpixel")[1]
    kinds = [node.op_type for node in onnx.load_model_from_string(both).graph.node]
    assert kinds == ["Conv", "DepthToSpace"]
    picture = np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)
    assert apart(run(both, picture), run(alone, picture)) <= 1e-5


class Flattened(nn.Module):
    """Instance normalisation of lines, over a map that is laid out as lines."""

    def __init__(self, channels):
        super().__init__()
        self.norm = affine(nn.InstanceNorm1d(channels, affine=True))

    def forward(self, x):
        return self.norm(x.flatten(2)).reshape(x.shape)


@pytest.mark.parametrize(
    ("norm", "left"),
    [
        (lambda: affine(nn.GroupNorm(2, 8)), []),
        (lambda: affine(nn.GroupNorm(1, 8)), []),
        (lambda: nn.GroupNorm(4, 8, affine=False), []),
        (lambda: Flattened(8), []),
        (lambda: AdaIN(8), []),
        (lambda: nn.LayerNorm([8, 12, 10], elementwise_affine=False), []),
        (lambda: affine(nn.LayerNorm([8, 12, 10])), ["Mul", "Add"]),
    ],
    ids=["2 groups", "1 group", "groups, plain", "lines", "adaptive", "layer, plain", "layer"],
)
@pytest.mark.parametrize("front", ["Conv", "Relu"])
def test_folded_on_one_picture_is_exact_on_it_and_no_norm_is_left(norm, left, front):
    """The constants of a single calibration image are its own statistics."""
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 8, 3, padding=1)] + ([nn.ReLU()] if front == "Relu" else [])
    before = to_onnx(nn.Sequential(*body, norm()).eval(), InputContract((3, 12, 10), "RGB"), ("y",))
    images = bytes_of((3, 12, 10), 1)
    done = legalise(before, images, requests={**OFF, "norm": "fold"})
    kinds = [node.op_type for node in onnx.load_model_from_string(done.data).graph.node]
    assert kinds == ["Conv", *([] if front == "Conv" else ["Relu", "Conv"]), *left]
    picture = (images / 255).astype(np.float32)
    assert apart(run(done.data, picture), run(before, picture)) <= 1e-5
    (applied,) = done.applied
    assert applied.noise < 1e-6


def test_layer_normalisation_of_lines_stays_exact(same):
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), affine(nn.LayerNorm(10)))
    (applied,) = same(net, (3, 12, 10), "norm", "fold")
    assert "in float on the CPU" in applied.becomes


def test_a_channel_that_others_read_too_keeps_its_convolution():
    class ReadTwice(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.norm = nn.Conv2d(3, 8, 1), affine(nn.GroupNorm(2, 8))

        def forward(self, x):
            x = self.body(x)
            return x + self.norm(x)

    torch.manual_seed(0)
    after = rewritten(ReadTwice(), (3, 6, 8), norm="fold")[1]
    kinds = [node.op_type for node in onnx.load_model_from_string(after).graph.node]
    assert kinds == ["Conv", "Conv", "Add"]
