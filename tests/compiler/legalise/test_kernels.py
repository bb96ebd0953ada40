"""Convolutions that the KPU lacks: grouped, wide, dilated."""

import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from tests.compiler.legalise.conftest import difference, rewritten


def convolutions(model):
    nodes = onnx.load_model_from_string(model).graph.node
    return [node for node in nodes if node.op_type == "Conv"]


@st.composite
def wide(draw):
    kernel = (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    pad = (draw(st.integers(0, 4)), draw(st.integers(0, 4)))
    shape = (3, draw(st.integers(16, 21)), draw(st.integers(16, 24)))
    reach = [dilation * (k - 1) + 1 for k in kernel]
    assume(all(r <= size + 2 * p for r, size, p in zip(reach, shape[1:], pad, strict=True)))
    return nn.Conv2d(3, 4, kernel, stride, pad, dilation), shape


@settings(max_examples=25)
@given(wide())
def test_any_kernel_is_the_same_function_in_3x3(case):
    layer, shape = case
    error, applied = difference(layer, shape, kernel="kpu")
    assert error <= 1e-5
    if applied:
        (conv,) = convolutions(rewritten(layer, shape, kernel="kpu")[1])
        pads = next(list(a.ints) for a in conv.attribute if a.name == "pads")
        assert pads == [1, 1, 1, 1]


@settings(max_examples=25)
@given(wide(), st.booleans())
def test_any_kernel_is_the_same_function_over_shifted_copies(case, depthwise):
    layer, shape = case
    if depthwise:
        layer = nn.Conv2d(3, 3, layer.kernel_size, layer.stride, layer.padding, groups=3)
    error, applied = difference(layer, shape, kernel="shifted")
    assert error <= 1e-5
    for one in applied:
        assert (
            "shifted" in one.becomes
            or "filled" in one.becomes
            or max(layer.dilation) > 1
            or (max(layer.stride) > 2)
        )


@pytest.mark.parametrize(("side", "copies"), [(5, 4), (7, 9), (9, 9)])
@pytest.mark.parametrize("depthwise", [False, True])
def test_wide_kernels_are_summed_over_shifted_copies(same, side, copies, depthwise):
    groups = 3 if depthwise else 1
    layer = nn.Conv2d(3, 3, side, padding=side // 2, groups=groups)
    (applied,) = same(layer, (3, 13, 15), "kernel", "shifted")
    assert f"over {copies} shifted copies" in applied.becomes
    found = convolutions(rewritten(layer, (3, 13, 15), kernel="shifted")[1])
    kernels = [
        next(list(a.ints) for a in one.attribute if a.name == "kernel_shape") for one in found
    ]
    assert kernels == [[3, 3], [1, 1]][: 1 + depthwise]
    assert same(layer, (3, 13, 15), "kernel", "fill") == []


def test_wide_depthwise_kernels_are_cut_up_on_request_only(same):
    layer = nn.Conv2d(3, 3, 5, 2, 2, groups=3)
    assert "4 shifted copies" in same(layer, (3, 12, 16), "kernel", "shifted")[0].becomes
    assert same(layer, (3, 12, 16), "kernel", "kpu") == []


@pytest.mark.parametrize(
    ("layer", "becomes"),
    [
        (nn.Conv2d(3, 4, 5, padding=4, dilation=2), "over blocks of 4x4"),
        (nn.Conv2d(3, 4, 5, 4, 2), "over blocks of 4x4"),
        (nn.Conv2d(3, 4, (1, 3), padding=(0, 1)), "filled up"),
    ],
    ids=["dilated", "stride 4", "small"],
)
def test_what_has_no_shifted_copies_is_as_kpu(same, layer, becomes):
    assert becomes in same(layer, (3, 32, 32), "kernel", "shifted")[0].becomes


def test_what_was_grouped_may_be_wide():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 5, padding=2, groups=2))
    error, applied = difference(net, (3, 12, 16), kernel="kpu", grouped="dense")
    assert error <= 1e-5
    assert [one.rewrite for one in applied] == ["grouped", "kernel"]


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        (nn.Conv2d(3, 4, 5, padding=2), "2x2"),
        (nn.Conv2d(3, 4, 7, padding=3), "4x4"),
        (nn.Conv2d(3, 4, 4, 2, 1), "2x2"),
        (nn.Conv2d(3, 4, 7, 2, 3), "4x4"),
        (nn.Conv2d(3, 4, 3, padding=2, dilation=2), "2x2"),
        (nn.Conv2d(3, 4, 3, 4, 1), "4x4"),
    ],
    ids=["5x5", "7x7", "4x4 stride 2", "7x7 stride 2", "dilation 2", "stride 4"],
)
def test_the_smallest_whole_blocks_are_taken(same, layer, block):
    (applied,) = same(layer, (3, 32, 32), "kernel", "kpu")
    assert f"blocks of {block}" in applied.becomes
    assert "M multiply-accumulates" in applied.cost
    assert same(layer, (3, 32, 32), "kernel", "fill") == []


@pytest.mark.parametrize("kernel", [(1, 3), (3, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("shape", [(3, 12, 16), (3, 2, 3)])
def test_small_kernels_are_filled_up_by_default(same, kernel, groups, shape):
    padding = kernel[0] // 2, kernel[1] // 2
    layer = nn.Conv2d(3, 3, kernel, padding=padding, groups=groups)
    (applied,) = same(layer, shape, "kernel", "fill")
    assert "filled up with zeros" in applied.becomes


@pytest.mark.parametrize(
    "layer",
    [nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, 2, 1)],
    ids=["3x3", "1x1", "stride 2"],
)
def test_what_the_kpu_has_is_left_alone(same, layer):
    assert same(layer, (3, 12, 16), "kernel", "kpu") == []


@pytest.mark.parametrize("mode", ["kpu", "shifted"])
def test_what_would_need_too_many_channels_is_left_alone(same, mode):
    net = nn.Sequential(nn.Conv2d(3, 300, 1), nn.Conv2d(300, 4, 5, padding=2))
    assert same(net, (3, 8, 8), "kernel", mode) == []


@settings(max_examples=20)
@given(
    st.sampled_from([(2, 1, 1), (2, 2, 3), (4, 2, 1), (3, 1, 2)]),
    st.sampled_from([(1, 0), (3, 1), (5, 2)]),
    st.sampled_from([1, 2]),
    st.sampled_from(["dense", "split", "auto"]),
)
def test_groups_are_the_same_function_in_dense_convolutions(groups, kernel, stride, mode):
    count, a_group, outputs = groups
    size, pad = kernel
    channels = count * a_group
    body = nn.Conv2d(3, channels, 1)
    layer = nn.Conv2d(channels, count * outputs, size, stride, pad, groups=count)
    net = nn.Sequential(body, layer)
    error, applied = difference(net, (3, 10, 8), grouped=mode)
    assert error <= 1e-5
    depthwise = a_group == outputs == 1
    assert len(applied) == (0 if depthwise else 1)
    found = convolutions(rewritten(net, (3, 10, 8), grouped=mode)[1])
    assert len(found) == (1 + count if mode == "split" and not depthwise else 2)


def test_many_weights_are_split_and_few_are_dense(same):
    few = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, padding=1, groups=2))
    many = nn.Sequential(nn.Conv2d(3, 192, 1), nn.Conv2d(192, 192, 3, padding=1, groups=2))
    assert same(few, (3, 8, 8), "grouped", "auto")[0].becomes == "one dense convolution"
    assert same(many, (3, 8, 8), "grouped", "auto")[0].becomes == "2 convolutions"
