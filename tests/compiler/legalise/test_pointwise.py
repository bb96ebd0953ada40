"""PReLU, activations behind shuffles, bilinear resizing, crops."""

import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.compiler.legalise.conftest import difference, rewritten


def kinds(module, shape, **modes):
    model = rewritten(module, shape, **modes)[1]
    return [node.op_type for node in onnx.load_model_from_string(model).graph.node]


def prelu(slopes):
    layer = nn.PReLU(len(slopes))
    layer.weight.data = torch.tensor(slopes)
    return layer


@settings(max_examples=25)
@given(st.lists(st.floats(-2, 2, width=32), min_size=3, max_size=3), st.booleans())
def test_prelu_is_the_same_function_with_any_slopes(slopes, front):
    body = [nn.Conv2d(3, 3, 3, padding=1)] if front else []
    net = nn.Sequential(*body, prelu(slopes))
    error, applied = difference(net, (3, 6, 8), prelu="kpu")
    assert error <= 1e-5
    assert len(applied) == 1


def test_prelu_takes_the_convolution_in_front_for_both_signs():
    uneven = prelu([0.1, 0.2, -0.3])
    front = nn.Conv2d(3, 3, 3, padding=1)
    assert kinds(nn.Sequential(front, uneven), (3, 6, 8), prelu="kpu") == ["Conv", "Relu", "Conv"]
    assert kinds(nn.Sequential(front, prelu([0.1] * 3)), (3, 6, 8), prelu="kpu") == [
        "Conv",
        "LeakyRelu",
    ]


class ReadTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.act = nn.Conv2d(3, 3, 1), prelu([0.1, 0.2, 0.3])

    def forward(self, x):
        x = self.body(x)
        return x + self.act(x)


def test_a_convolution_that_others_read_too_stays(same):
    assert len(same(ReadTwice(), (3, 6, 8), "prelu", "kpu")) == 1


@pytest.mark.parametrize(
    "act",
    [nn.ReLU(), nn.LeakyReLU(0.3), nn.ReLU6(), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.ELU()],
    ids=lambda act: type(act).__name__,
)
def test_an_activation_goes_in_front_of_the_shuffle(same, act):
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.PixelShuffle(2), act)
    assert len(same(net, (3, 6, 8), "activation", "first")) == 1
    assert kinds(net, (3, 6, 8), activation="first")[-1] == "DepthToSpace"


def test_an_activation_a_channel_stays_behind_the_shuffle(same):
    net = nn.Sequential(nn.PixelUnshuffle(2), nn.PixelShuffle(2), prelu([0.1, 0.2, 0.3]))
    assert same(net, (3, 6, 8), "activation", "first") == []


@pytest.mark.parametrize("how", [{"scale_factor": 2}, {"scale_factor": 1.5}, {"size": (20, 7)}])
def test_bilinear_resizing_gets_the_name_that_nncase_knows(same, how):
    net = nn.Upsample(**how, mode="bilinear", align_corners=False)
    assert len(same(net, (3, 10, 8), "bilinear", "rename")) == 1


@pytest.mark.parametrize(
    "net",
    [
        nn.Upsample(scale_factor=2),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
        nn.Upsample(size=(1, 5), mode="bilinear"),
    ],
    ids=["nearest", "corners", "one line"],
)
def test_other_resizing_keeps_its_name(same, net):
    assert same(net, (3, 10, 8), "bilinear", "rename") == []


class Crop(nn.Module):
    def forward(self, x):
        return x[:, :, 1:-2, 2:]


class Channels(nn.Module):
    def forward(self, x):
        return x[:, 1:]


@pytest.mark.parametrize(
    "net",
    [
        Crop(),
        Channels(),
        nn.Conv2d(3, 4, 3),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()),
        nn.ZeroPad2d(-1),
    ],
    ids=["slice", "channels of the input", "no padding", "and ReLU", "negative padding"],
)
def test_crops_are_the_same_function_with_a_pooling_behind(same, net):
    assert same(net, (3, 10, 8), "crop", "pool")
    assert kinds(net, (3, 10, 8), crop="pool")[-1] == "MaxPool"
    assert same(net, (3, 10, 8), "crop", "auto") == []


class Halves(nn.Module):
    def forward(self, x):
        upper, lower = torch.relu(x).split(5, 2)
        return upper * lower


def test_each_part_of_a_split_gets_its_pooling(same):
    assert len(same(Halves(), (3, 10, 8), "crop", "pool")) == 1
    assert kinds(Halves(), (3, 10, 8), crop="pool").count("MaxPool") == 2
    assert same(Halves(), (3, 10, 8), "crop", "auto") == []


def test_what_cuts_no_lines_is_no_crop(same):
    assert same(nn.Sequential(nn.ReLU(), Channels()), (3, 10, 8), "crop", "pool") == []
    assert same(nn.Conv2d(3, 4, 3, padding=1), (3, 10, 8), "crop", "pool") == []


def pooled(*layers, size=1):
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(size), nn.Flatten())


@pytest.mark.parametrize(("shape", "block"), [((3, 8, 12), 4), ((3, 6, 8), 2), ((3, 7, 8), 0)])
def test_global_pooling_begins_with_the_convolution_in_front(same, shape, block):
    net = pooled(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
    done = same(net, shape, "pooling", "kpu")
    assert [one.becomes.split(" on ")[0] for one in done] == ([f"pooling by {block}"] * bool(block))
    assert len(done) == (1 if block else 0)


def test_global_pooling_elsewhere_stays(same):
    assert same(pooled(nn.Conv2d(3, 4, 3, 2, 1)), (3, 16, 16), "pooling", "kpu") == []
    assert same(pooled(nn.Conv2d(3, 3, 3, padding=1, groups=3)), (3, 8, 8), "pooling", "kpu") == []
    assert same(nn.AdaptiveAvgPool2d(1), (3, 8, 8), "pooling", "kpu") == []


class Joined(nn.Module):
    def __init__(self, shared):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, padding=1)
        self.shared = shared

    def forward(self, x):
        left = self.left(x)
        joined = torch.relu(torch.cat((left, self.right(x)), 1))
        return joined + left.mean() if self.shared else joined


def test_an_activation_goes_in_front_of_a_join_of_convolutions(same):
    assert len(same(Joined(False), (3, 6, 8), "activation", "first")) == 1
    assert kinds(Joined(False), (3, 6, 8), activation="first")[-1] == "Concat"
    assert same(Joined(True), (3, 6, 8), "activation", "first") == []
