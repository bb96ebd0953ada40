import numpy as np
import onnx
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from harness.compiler.legalise import legalise
from tests.compiler.legalise.conftest import OFF, bytes_of, difference, rewritten

sizes = st.integers(4, 9)


@st.composite
def transposed(draw):
    """A transposed convolution that PyTorch accepts, on a map of some size."""
    kernel = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    stride = draw(st.sampled_from([(1, 1), (2, 2), (3, 3), (4, 4), (2, 1), (1, 3)]))
    dilation = draw(st.sampled_from([(1, 1), (2, 2)]))
    pad = tuple(draw(st.integers(0, d * (k - 1))) for k, d in zip(kernel, dilation, strict=True))
    more = tuple(draw(st.integers(0, s - 1)) for s in stride)
    groups = draw(st.sampled_from([1, 3]))
    layer = nn.ConvTranspose2d(3, 6, kernel, stride, pad, more, groups, True, dilation)
    height, width = draw(sizes), draw(sizes)
    out = [
        (size - 1) * s - 2 * p + d * (k - 1) + o + 1
        for size, s, p, d, k, o in zip(
            (height, width), stride, pad, dilation, kernel, more, strict=True
        )
    ]
    assume(min(out) >= 1)
    return layer, (3, height, width)


@settings(max_examples=30)
@given(transposed())
def test_every_shape_is_the_same_function_without_transposition(case):
    layer, shape = case
    error, applied = difference(layer, shape, transposed="subpixel")
    assert error <= 1e-5
    assert [one.rewrite for one in applied] == ["transposed"]


def kinds(model):
    return [node.op_type for node in onnx.load_model_from_string(model).graph.node]


def test_the_usual_one_is_a_3x3_convolution_and_a_shuffle():
    _, after, (applied,) = rewritten(
        nn.ConvTranspose2d(3, 5, 4, 2, 1), (3, 8, 8), transposed="subpixel"
    )
    assert kinds(after) == ["Conv", "DepthToSpace"]
    weights = onnx.load_model_from_string(after).graph.initializer
    assert sorted(tuple(one.dims) for one in weights) == [(20,), (20, 3, 3, 3)]
    assert "3x3 convolution to 20 channels" in applied.line
    assert "1280 bytes" in applied.cost


def test_batch_norm_and_activation_move_in_front_of_the_shuffle():
    norm = nn.BatchNorm2d(5)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    norm.weight.data.uniform_(0.5, 2)
    net = nn.Sequential(nn.ConvTranspose2d(3, 5, 4, 2, 1), norm, nn.LeakyReLU(0.2))
    modes = {"transposed": "subpixel", "activation": "first"}
    error, _ = difference(net, (3, 8, 8), **modes)
    assert error <= 1e-5
    assert kinds(rewritten(net, (3, 8, 8), **modes)[1]) == ["Conv", "LeakyRelu", "DepthToSpace"]


def test_computed_weights_stay_as_they_are():
    class Computed(nn.Module):
        def forward(self, x):
            weight = x.mean((0, 2, 3)).reshape(3, 1, 1, 1).expand(3, 2, 3, 3)
            return torch.nn.functional.conv_transpose2d(x, weight, stride=2)

    assert rewritten(Computed(), (3, 6, 6), transposed="subpixel")[2] == ()


def test_the_default_is_on_and_off_is_off():
    before, after, applied = rewritten(nn.ConvTranspose2d(3, 5, 4, 2, 1), (3, 8, 8))
    assert kinds(before) == kinds(after) == ["ConvTranspose"]
    assert applied == ()
    default = legalise(before, bytes_of((3, 8, 8)))
    assert [one.rewrite for one in default.applied] == ["transposed"]
    assert OFF.keys() >= {one.rewrite for one in default.applied}
    assert np.array_equal(kinds(default.data), ["Conv", "DepthToSpace"])


def test_more_channels_than_the_kpu_takes_are_computed_in_parts():
    net = nn.Sequential(nn.ConvTranspose2d(3, 300, 4, 2, 1), nn.ReLU())
    modes = {"transposed": "subpixel", "activation": "first"}
    error, _ = difference(net, (3, 4, 4), **modes)
    assert error <= 1e-5
    after = rewritten(net, (3, 4, 4), **modes)[1]
    assert sorted(kinds(after)) == ["Concat", "Conv", "Conv", "DepthToSpace", "Relu", "Relu"]
    assert kinds(after)[-2:] == ["Concat", "DepthToSpace"]
