import numpy as np
import pytest
import torch
from torch import nn

from harness.backends import Subject, get
from harness.backends.floating import to_float
from harness.compiler.build import compile_deployable
from harness.compiler.contract import read_contract
from harness.errors import CompileError
from harness.method import Deployable, EvaluationSet, InputContract
from tests.compiler.networks import TwoOutputs, small_net

pytestmark = pytest.mark.sim


def pictures(count, shape):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def deployable(module, outputs=("y",), contract=None, images=None):
    contract = contract or InputContract((3, 32, 40))
    if images is None:
        images = pictures(8, contract.shape)
    ids = tuple(map(str, range(len(images))))
    return Deployable("t", module, contract, outputs, images, EvaluationSet(ids, images))


def run_both(target, **rewrites):
    compiled = compile_deployable(target, rewrites=rewrites)
    subject = Subject(target.contract, target.outputs, target.module, compiled.kmodel)
    inputs = target.evaluation.inputs
    return compiled, *(get(name).run(subject, inputs).outputs for name in ("float", "nncase"))


def test_two_outputs_keep_their_order_and_shape():
    compiled, expected, found = run_both(deployable(TwoOutputs(), ("left", "right")))
    assert [(o.name, o.shape) for o in compiled.contract.outputs] == [
        ("left", (1, 4, 32, 40)),
        ("right", (1, 6, 16, 20)),
    ]
    for name in expected:
        assert found[name].shape == expected[name].shape
        noise = np.linalg.norm(found[name] - expected[name]) / np.linalg.norm(expected[name])
        assert noise < 0.05


@pytest.mark.parametrize(
    "contract",
    [
        InputContract((3, 32, 40), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        InputContract((3, 32, 40), range=(-1.0, 1.0)),
        InputContract((3, 32, 40), range=(0.0, 255.0), mean=(127.5,) * 3, std=(127.5,) * 3),
        InputContract((3, 32, 40), color="BGR"),
    ],
    ids=["imagenet", "minus one to one", "bytes", "bgr"],
)
def test_scaling_mean_and_std_run_inside_the_model(contract):
    _, expected, found = run_both(deployable(small_net(), contract=contract))
    noise = np.linalg.norm(found["y"] - expected["y"]) / np.linalg.norm(expected["y"])
    assert noise < 0.05


def test_normalisation_runs_on_the_kpu():
    contract = InputContract((3, 32, 40), mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.2))
    compiled = compile_deployable(deployable(small_net(), contract=contract))
    first = next(p for p in compiled.placement if not p.inserted)
    assert (first.layer, first.unit) == ("/normalise/Conv", "KPU")
    assert all(p.unit == "KPU" for p in compiled.placement if "normalise" in p.layer)


def test_gray_pictures():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()).eval()
    contract = InputContract((1, 28, 28), color="GRAY", mean=(0.13,), std=(0.31,))
    _, expected, found = run_both(deployable(net, contract=contract))
    assert np.linalg.norm(found["y"] - expected["y"]) < 0.05 * np.linalg.norm(expected["y"])


class Conv(nn.Sequential):
    def __init__(self, *args, **kwargs):
        super().__init__(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(*args, **kwargs), nn.ReLU())


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (Conv(8, 8, 5, padding=2), "kernel 5x5"),
        (Conv(8, 8, 3, padding=1, groups=2), "2 groups"),
        (nn.Sequential(Conv(8, 8, 1), nn.AdaptiveAvgPool2d(1)), "reduce over an axis"),
        (
            nn.Sequential(Conv(8, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1)),
            "below 4x4",
        ),
        (nn.Sequential(Conv(8, 8, 1), nn.Upsample(scale_factor=2)), "cannot resize"),
        (nn.Sequential(Conv(8, 8, 1), nn.Softmax(dim=1)), "no softmax"),
    ],
    ids=["kernel", "groups", "global pooling", "small map", "upsample", "softmax"],
)
def test_what_falls_back_is_told_with_its_reason(module, reason):
    compiled = compile_deployable(deployable(module.eval()), rewrites={"grouped": "off"})
    on_cpu = [p for p in compiled.placement if p.unit == "CPU" and not p.inserted]
    assert any(reason in p.reason for p in on_cpu), [(p.operation, p.reason) for p in on_cpu]
    assert any(p.unit == "KPU" and p.operation == "KPUConv2D" for p in compiled.placement)
    assert all(p.reason for p in on_cpu)


def test_too_many_channels_and_too_wide_maps():
    wide = deployable(Conv(8, 8, 3, padding=1), contract=InputContract((3, 16, 520)))
    reasons = {p.reason for p in compile_deployable(wide).placement}
    assert any("above 256 rows or 512 columns" in reason for reason in reasons)
    deep = deployable(Conv(8, 1032, 1), contract=InputContract((3, 16, 16)))
    reasons = {p.reason for p in compile_deployable(deep).placement}
    assert any("at most 1024" in reason for reason in reasons)


class Einsum(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        x = self.body(x)
        return torch.einsum("bchw,bdhw->bcd", x, x)


class Erf(Einsum):
    def forward(self, x):
        return torch.erf(self.body(x))


class Deconvolution(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3, padding=1), nn.ConvTranspose2d(8, 8, 2, 2))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Einsum(), r"does not know operation Einsum at layer /Einsum"),
        (Erf(), r"cannot compile operation Erf at layer /Erf"),
        (Deconvolution(), r"cannot compile operation ConvTranspose at layer /1/ConvTranspose"),
    ],
)
def test_a_refused_operation_is_named_with_its_layer(module, message):
    with pytest.raises(CompileError, match=message):
        compile_deployable(deployable(module.eval()), rewrites={"transposed": "off"})


def test_a_model_that_does_not_fit_the_kpu_is_explained():
    net = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1))
    images = pictures(1, (3, 224, 224))
    large = deployable(net.eval(), contract=InputContract((3, 224, 224)), images=images)
    with pytest.raises(CompileError, match="2 MiB of KPU memory"):
        compile_deployable(large)


def test_equal_compilations_come_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.compiler.cache.cache_folder", lambda: tmp_path)
    target = deployable(small_net())
    first, second = compile_deployable(target), compile_deployable(target)
    assert (first.cached, second.cached) == (False, True)
    assert second.kmodel == first.kmodel
    assert second.placement == first.placement
    other = deployable(small_net(), images=target.calibration[:4])
    assert not compile_deployable(other).cached


def test_a_damaged_cache_entry_is_compiled_again(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.compiler.cache.cache_folder", lambda: tmp_path)
    target = deployable(small_net())
    first = compile_deployable(target)
    (kept,) = tmp_path.rglob("model.kmodel")
    kept.write_bytes(kept.read_bytes()[:-1])
    again = compile_deployable(target)
    assert not again.cached
    assert len(again.kmodel) == len(first.kmodel)


def test_written_files_belong_together(tmp_path):
    compiled = compile_deployable(deployable(small_net()))
    compiled.write(tmp_path)
    contract = read_contract(tmp_path)
    contract.check((tmp_path / "model.kmodel").read_bytes())
    contract.check((tmp_path / "model.v4.kmodel").read_bytes())
    assert {p.name for p in tmp_path.iterdir()} == {
        "model.kmodel", "model.v4.kmodel", "model.onnx", "contract.json",
    }  # fmt: skip


def test_calibration_is_checked_before_nncase_reads_past_its_end():
    target = deployable(small_net())
    with pytest.raises(CompileError):
        compile_deployable(deployable(small_net(), images=target.calibration[:, :, :16]))
    with pytest.raises(CompileError, match="bogus"):
        compile_deployable(target, method="bogus")


def test_to_float_spans_the_range():
    contract = InputContract((3, 1, 1), range=(-1.0, 1.0))
    ends = np.array([0, 255], np.uint8)[:, None, None, None].repeat(3, 1)
    np.testing.assert_allclose(to_float(ends, contract)[:, 0, 0, 0], [-1, 1], atol=1e-6)
