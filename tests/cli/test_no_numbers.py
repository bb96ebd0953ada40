"""Weights that are NaN or infinite stop a command before anything is compiled."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from torch import nn

from harness.compiler import build
from harness.compiler.export import to_onnx
from harness.compiler.tflite_graph import weights
from harness.method import InputContract
from tests.cli.test_compile import TFLITE
from tests.conftest import REPOSITORY

HERE = "tests.cli.test_no_numbers"
SHAPE = ("--shape", "3,16,16")


def diverged():
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1), nn.ReLU6())
    with torch.no_grad():
        module[0].weight[0, 0, 0, :2] = float("nan")
        module[1].bias[3] = float("inf")
    return module


class Bounded(nn.Module):
    """A bound may be infinite: nothing is multiplied with it."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 8, 1)
        self.register_buffer("low", torch.full((1, 8, 1, 1), -torch.inf))

    def forward(self, x):
        return torch.maximum(self.body(x), self.low)


class Scaled(nn.Module):
    """A tensor that is no parameter."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 8, 1)
        self.scale = torch.tensor([1.0, torch.nan, 1.0, 1.0]).repeat(2).view(1, 8, 1, 1)

    def forward(self, x):
        return self.body(x) * self.scale


@pytest.fixture
def never_compiled(monkeypatch):
    def called(*arguments, **named):
        raise AssertionError("it was compiled")

    monkeypatch.setattr(build, "_run_nncase", called)


@pytest.mark.usefixtures("never_compiled")
@pytest.mark.parametrize("command", ["compile", "compare"])
def test_a_factory(k210_command, pictures, tmp_path, command):
    inputs = ("--inputs", pictures) if command == "compare" else ()
    line = k210_command(
        command, f"{HERE}:diverged", *SHAPE, "--calibration", pictures, *inputs, "--out",
        tmp_path / "out",
    ).error_line()  # fmt: skip
    assert "0.weight of layer /0/Conv has nan in 2 of 216 weights, as has one other tensor" in line
    assert not (tmp_path / "out" / "model.kmodel").exists()


@pytest.mark.usefixtures("never_compiled")
def test_a_tensor_that_is_no_parameter(k210_command, pictures, tmp_path):
    line = k210_command(
        "compile", f"{HERE}:Scaled", *SHAPE, "--calibration", pictures, "--out", tmp_path / "out"
    ).error_line()
    assert "layer /Mul has nan in 2 of 8 weights" in line


@pytest.mark.usefixtures("never_compiled")
def test_an_onnx_file(k210_command, pictures, tmp_path):
    model = tmp_path / "net.onnx"
    exported = to_onnx(diverged(), InputContract((3, 16, 16)), ("y",))
    stored = onnx.load_model_from_string(exported)
    weights = next(one for one in stored.graph.initializer if one.name == "0.weight")
    weights.CopyFrom(onnx.numpy_helper.from_array(np.ones((8, 3, 3, 3), np.float32), "0.weight"))
    onnx.save(stored, model)
    line = k210_command(
        "compile", model, "--calibration", pictures, "--out", tmp_path / "out"
    ).error_line()
    assert "1.bias of layer /1/Conv has inf in 1 of 8 weights → " in line
    assert not (tmp_path / "out").exists()


@pytest.fixture
def spoilt_tflite(tmp_path):
    """A TFLite file with three NaN in its first weights, and their name."""
    data = TFLITE.read_bytes()
    name, values = next((name, values) for _, _, name, values in weights(data))
    spoilt = values.copy()
    spoilt[:3] = np.nan
    assert data.count(values.tobytes()) == 1
    model = tmp_path / "net.tflite"
    model.write_bytes(data.replace(values.tobytes(), spoilt.tobytes()))
    return model, name


@pytest.mark.usefixtures("never_compiled")
def test_a_tflite_file(k210_command, pictures, spoilt_tflite, tmp_path):
    model, name = spoilt_tflite
    line = k210_command(
        "compile", model, "--calibration", pictures, "--out", tmp_path / "out"
    ).error_line()
    assert name in line
    assert "nan in 3 of 216 weights" in line


@pytest.mark.sim
def test_a_check_names_those_of_a_tflite_file_too(k210_command, spoilt_tflite):
    ended = k210_command("check", spoilt_tflite[0], "--json")
    assert ended.code == 1, ended.err
    (line,) = ended.json()["not_finite"]
    assert line.endswith(": nan in 3 of 216 weights")


@pytest.mark.usefixtures("never_compiled")
def test_a_method_whose_weights_are_spoilt(k210_command, tmp_path):
    """As a training leaves them that has diverged."""
    shipped = REPOSITORY / "fixtures" / "weights" / "simgan.safetensors"
    stored = safetensors.torch.load_file(shipped)
    stored["refiner.stem.0.weight"].view(-1)[0] = torch.inf
    with safetensors.safe_open(shipped, "pt") as file:
        metadata = file.metadata()
    spoilt = tmp_path / "spoilt.safetensors"
    safetensors.torch.save_file(stored, spoilt, metadata)
    line = k210_command(
        "run", "simgan", "--checkpoint", spoilt, "--out", tmp_path / "out"
    ).error_line()
    assert "has inf in 1 of 144 weights" in line


@pytest.mark.sim
def test_an_infinity_that_is_a_bound_passes(k210_command, pictures, tmp_path):
    ended = k210_command(
        "compile", f"{HERE}:Bounded", *SHAPE, "--calibration", pictures, "--out", tmp_path / "out"
    )
    assert ended.code == 0, ended.err
