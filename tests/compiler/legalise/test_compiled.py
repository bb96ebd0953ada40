"""Every rewrite through nncase: what it computes, to the bit by both simulators, and where."""

import numpy as np
import pytest
import torch
from torch import nn

from harness.compare import compare
from harness.compiler.build import compile_deployable
from harness.errors import CompileError, UsageError
from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.work import work
from harness.method import InputContract
from harness.simulator import Simulator
from tests.compiler.legalise.conftest import OFF
from tests.compiler.test_build import deployable, run_both

pytestmark = pytest.mark.sim


def conv(inputs, outputs, kernel=3, **options):
    return nn.Conv2d(inputs, outputs, kernel, **{"padding": kernel // 2, **options})


def between(*middle):
    torch.manual_seed(0)
    return nn.Sequential(conv(3, 8), nn.ReLU(), *middle, conv(8, 4)).eval()


def prelu():
    layer = nn.PReLU(8)
    layer.weight.data = torch.linspace(-0.5, 0.9, 8)
    return layer


def uneven_norm():
    layer = conv(8, 8)
    layer.weight.data *= torch.logspace(-1.5, 0.5, 8).view(-1, 1, 1, 1)
    return layer, nn.InstanceNorm2d(8, affine=True)


def summing():
    """Sums of positive values: the crop takes away the smallest, at the border."""
    layer = nn.Conv2d(8, 8, 3)
    layer.weight.data.abs_()
    return layer


class CutTwice(nn.Module):
    """A crop whose halves change places: a cut of a cut."""

    def forward(self, x):
        upper, lower = x[:, :, 1:-1, 1:-1].split(15, 2)
        return torch.cat((lower, upper), 2)


# Rewrite → layers, request, least SNR in dB, operations on the CPU that compute.
CASES = {
    "transposed 4x4": (lambda: [nn.ConvTranspose2d(8, 8, 4, 2, 1)], {}, 30, {"Transpose"}),
    "transposed 2x2": (lambda: [nn.ConvTranspose2d(8, 8, 2, 2)], {}, 30, {"Transpose"}),
    "transposed 5x5": (lambda: [nn.ConvTranspose2d(8, 8, 5, 2, 2, 1)], {}, 30, {"Transpose"}),
    "transposed and activation": (
        lambda: [nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.LeakyReLU(0.2)],
        {},
        30,
        {"Transpose"},
    ),
    "transposed, no stride": (lambda: [nn.ConvTranspose2d(8, 8, 3, 1, 1)], {}, 30, set()),
    "norm": (uneven_norm, {}, 25, {"Binary", "Reduce"}),
    "norm, folded": (uneven_norm, {"norm": "fold"}, None, set()),
    "group norm, folded": (
        lambda: [conv(8, 8), nn.GroupNorm(2, 8)],
        {"norm": "fold"},
        None,
        set(),
    ),
    "crop": (lambda: [summing()], {}, 30, {"Slice", "ReduceWindow2D"}),
    "cut twice": (lambda: [CutTwice()], {}, 30, None),
    "reflected border": (lambda: [nn.ReflectionPad2d(1), summing()], {}, 30, None),
    "bilinear": (
        lambda: [nn.Upsample(scale_factor=2, mode="bilinear")],
        {},
        30,
        {"ResizeImage"},
    ),
    "groups": (lambda: [conv(8, 8, groups=2)], {}, 30, set()),
    "groups, split": (lambda: [conv(8, 8, groups=2)], {"grouped": "split"}, 30, None),
    "prelu": (lambda: [prelu()], {}, 30, set()),
    "1x3": (lambda: [nn.Conv2d(8, 8, (1, 3), padding=(0, 1))], {}, 30, set()),
    "5x5": (lambda: [conv(8, 8, 5)], {"kernel": "kpu"}, 30, {"Transpose"}),
    "5x5, shifted": (
        lambda: [conv(8, 8, 5)],
        {"kernel": "shifted"},
        30,
        {"Pad", "Slice", "Concat"},
    ),
    "7x7": (lambda: [conv(8, 8, 7)], {"kernel": "kpu"}, 30, {"Transpose"}),
    "7x7, shifted": (
        lambda: [conv(8, 8, 7)],
        {"kernel": "shifted"},
        30,
        {"Pad", "Slice", "Concat"},
    ),
    "5x5 depthwise, shifted": (
        lambda: [conv(8, 8, 5, groups=8)],
        {"kernel": "shifted"},
        30,
        {"Pad", "Slice", "Concat"},
    ),
    "4x4, stride 2": (
        lambda: [conv(8, 8, 4, stride=2, padding=1)],
        {"kernel": "kpu"},
        30,
        {"Transpose"},
    ),
    "dilation": (
        lambda: [conv(8, 8, dilation=2, padding=2)],
        {"kernel": "kpu"},
        30,
        {"Transpose"},
    ),
}


def network(case):
    torch.manual_seed(0)
    return between(*CASES[case][0]())


# Of these another case is the fast sibling.
SLOW = {
    "transposed 2x2",
    "transposed 5x5",
    "transposed, no stride",
    "norm, folded",
    "group norm, folded",
    "7x7",
    "7x7, shifted",
    "5x5 depthwise, shifted",
    "groups, split",
    "1x3",
    "4x4, stride 2",
    "dilation",
}


@pytest.mark.parametrize(
    "case", [pytest.param(one, marks=[pytest.mark.slow] if one in SLOW else []) for one in CASES]
)
def test_computes_the_same_on_the_kpu(case):
    _, request, least, on_cpu = CASES[case]
    target = deployable(network(case))
    compiled, expected, found = run_both(target, **request)
    assert compiled.rewrites
    ours = Simulator(load(compiled.kmodel))(target.evaluation.inputs)
    (mine,), (theirs,) = ours.values(), found.values()
    np.testing.assert_array_equal(mine.numpy().reshape(theirs.shape), theirs)
    if least is not None:
        assert compare(expected, found).outputs["y"].snr_db > least
    computing = {p.operation for p in compiled.placement if p.unit == "CPU" and not p.inserted}
    if on_cpu is not None:
        assert computing == on_cpu
    assert share_on_kpu(compiled.kmodel) > 0.95


def small_map(kernel, shape, **options):
    """Two convolutions on a map that the KPU has to have padded, and back."""
    torch.manual_seed(0)
    front = nn.Conv2d(3, 8, kernel, padding=kernel // 2)
    return nn.Sequential(
        front,
        nn.ReLU(),
        nn.Conv2d(8, 8, kernel, padding=kernel // 2, **options),
        nn.Conv2d(8, 4, 1),
    ).eval(), InputContract((3, *shape))


SIZES = [(h, w) for h in (1, 2, 3) for w in (1, 2, 3)] + [(1, 7), (3, 8), (6, 2)]
FAST_SIZES = [(1, 1), (3, 2)]


@pytest.mark.parametrize(
    "size", [pytest.param(s, marks=[] if s in FAST_SIZES else [pytest.mark.slow]) for s in SIZES]
)
@pytest.mark.parametrize("kind", ["3x3", "1x1", "depthwise"])
def test_maps_below_4x4_need_no_rewrite(size, kind):
    """nncase pads them on the CPU, computes on the KPU, and cuts them out, as the reasons say."""
    net, contract = small_map(
        1 if kind == "1x1" else 3, size, **({"groups": 8} if kind == "depthwise" else {})
    )
    compiled = right(net, contract)
    assert compiled.rewrites == ()
    reasons = {p.reason for p in compiled.placement if p.operation in ("Pad", "Slice")}
    assert f"map {size[0]}x{size[1]} is below 4x4: padded for the KPU" in reasons
    assert "cuts the result out of a map that was padded for the KPU" in reasons


BORDERS = [
    1,
    (1, 0, 0, 0),
    (0, 1, 0, 0),
    (0, 0, 1, 0),
    (0, 0, 0, 1),
    2,
    3,
    (1, 2, 3, 0),
    (3, 1, 0, 2),
]


@pytest.mark.parametrize("shape", [(8, 8), (9, 14)])
@pytest.mark.parametrize("layer", [nn.ReflectionPad2d, nn.ReplicationPad2d])
@pytest.mark.parametrize(
    "border",
    [pytest.param(b, marks=[] if b == (1, 2, 3, 0) else [pytest.mark.slow]) for b in BORDERS],
)
def test_reflected_and_repeated_borders_need_no_rewrite(border, layer, shape):
    torch.manual_seed(0)
    net = nn.Sequential(conv(3, 8), nn.ReLU(), layer(border), nn.Conv2d(8, 4, 3)).eval()
    compiled = right(net, InputContract((3, *shape)))
    assert {one.rewrite for one in compiled.rewrites} <= {"crop"}
    reasons = {p.reason for p in compiled.placement if p.operation == "Pad"}
    assert "padding that the KPU does not have (it pads 1 on all sides)" in reasons


def right(net, contract):
    """Assert that nncase is near PyTorch and our simulator equal to it; return what it made."""
    target = deployable(net, contract=contract)
    compiled, expected, found = run_both(target)
    ours = Simulator(load(compiled.kmodel))(target.evaluation.inputs)
    (mine,), (theirs,) = ours.values(), found.values()
    np.testing.assert_array_equal(mine.numpy().reshape(theirs.shape), theirs)
    assert compare(expected, found).outputs["y"].snr_db > 30
    assert share_on_kpu(compiled.kmodel) == 1
    return compiled


def test_pooling_joins_the_convolution_and_costs_a_step_of_the_quantisation():
    torch.manual_seed(0)
    net = nn.Sequential(conv(3, 16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    plain, expected, before = run_both(deployable(net))
    pooled, _, after = run_both(deployable(net), pooling="kpu")
    assert [p.shape for p in plain.placement if p.operation == "KPUConv2D"] == [(1, 16, 32, 40)]
    assert [p.shape for p in pooled.placement if p.operation == "KPUConv2D"] == [(1, 16, 8, 10)]
    step = np.abs(expected["y"]).max() / 255 * 2
    assert (
        np.abs(after["y"] - expected["y"]).max() < np.abs(before["y"] - expected["y"]).max() + step
    )


def share_on_kpu(kmodel):
    program = load(kmodel)
    macs = {name: one.executed for name, one in work(program).items()}
    kpu = [o.name for o in program.operations if isinstance(o, KpuConv2d)]
    return sum(macs[name] for name in kpu) / sum(macs.values())


def test_rewrites_are_recorded_and_part_of_what_is_cached():
    target = deployable(between(conv(8, 8, groups=2)))
    on, off = compile_deployable(target), compile_deployable(target, rewrites=OFF)
    assert [one.rewrite for one in on.rewrites] == ["grouped"]
    assert on.contract.rewrites == (on.rewrites[0].line,)
    assert "2/Conv became one dense convolution" in on.rewrites[0].line
    assert (off.rewrites, off.contract.legalise) == ((), OFF)
    assert on.kmodel != off.kmodel
    again = compile_deployable(target)
    assert again.cached
    assert (again.rewrites, again.kmodel) == (on.rewrites, on.kmodel)


def test_a_deployable_can_ask_and_the_caller_is_heard_first():
    from dataclasses import replace

    target = replace(deployable(between(conv(8, 8, 5))), rewrites={"kernel": "kpu"})
    assert [one.mode for one in compile_deployable(target).rewrites] == ["kpu"]
    assert compile_deployable(target, rewrites={"kernel": "off"}).rewrites == ()


def test_a_wrong_request_is_one_line():
    target = deployable(between(conv(8, 8)))
    with pytest.raises(UsageError, match="no rewrite 'magic'"):
        compile_deployable(target, rewrites={"magic": "on"})
    with pytest.raises(UsageError, match="grouped has no mode 'magic'"):
        compile_deployable(target, rewrites={"grouped": "magic"})


def test_tflite_is_not_rewritten(tmp_path):
    from harness.compiler.build import compile_source
    from harness.compiler.source import Source

    source = Source("t", "tflite", b"", InputContract((3, 32, 32)), "", {})
    images = np.zeros((1, 3, 32, 32), np.uint8)
    with pytest.raises(CompileError, match="cannot be rewritten"):
        compile_source(source, images, rewrites={"norm": "fold"})
