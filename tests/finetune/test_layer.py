"""One trainable layer: its bytes are the chip's, its gradient that of the real-valued formula."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from harness.finetune.layer import TrainableLayer
from harness.kmodel.operations import Pooling
from harness.simulator.kpu.layer import KpuConv2dLayer
from tests.simulator.kpu_reference import LOWEST, layer
from tests.simulator.test_kpu_layer import layers

# Rises from 0 at 0, to 240 at 3840, and stays there.
RELU = ([LOWEST, 0, 3840] + [3840] * 13, [0, 256] + [0] * 14, [0] + [12] * 15, [0, 0] + [240] * 14)


def double(values):
    return torch.tensor(values, dtype=torch.float64)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(layers())
def test_bytes_of_any_layer_are_the_simulators_before_and_behind_a_step(drawn):
    operation, x, rules = drawn
    module, x = TrainableLayer(operation, rules), torch.from_numpy(x)[None]
    assert module.encode().batch_norm.words.tolist() == operation.batch_norm.words.tolist()
    assert (module.encode().weights == operation.weights).all()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    found = module(x.float())
    expected = KpuConv2dLayer(module.encode(), rules)(x)
    assert torch.equal(found, expected.float())


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize(
    "pooling",
    [
        Pooling.NONE,
        Pooling.MAX_2_STRIDE_2,
        Pooling.MEAN_2_STRIDE_2,
        Pooling.LEFT_TOP_2_STRIDE_2,
        Pooling.MEAN_2_STRIDE_1,
    ],
)
def test_gradients_are_finite_differences_of_the_formula(depthwise, kernel, pooling):
    numbers = Formula(depthwise, kernel, pooling)
    module = TrainableLayer(numbers.operation(), "nncase-0.2", *map(parameter, (0.0, 0.0)))
    x = torch.tensor(numbers.x, dtype=torch.float32)[None].requires_grad_()
    towards = torch.tensor(numbers.towards, dtype=torch.float32)
    (module(x)[0] * towards).sum().backward()
    trained = module.parameters_
    found = {
        "x": x.grad[0],
        "weight": trained.weight.grad,
        "gain": trained.gain.grad,
        "bias": trained.bias.grad,
        "range_in": module.range_in.grad,
        "range_out": module.range_out.grad,
    }
    for name, gradient in found.items():
        expected = numbers.differences(name)
        scale = np.abs(expected).max()
        assert scale > 0, name
        np.testing.assert_allclose(gradient.numpy(), expected, atol=2e-3 * scale, err_msg=name)


def parameter(value):
    return torch.nn.Parameter(torch.tensor(value))


class Formula:
    """The layer's meaning in numpy's float64, written down a second time."""

    def __init__(self, depthwise, kernel, pooling):
        rng = np.random.default_rng(5)
        self.depthwise, self.kernel, self.pooling = depthwise, kernel, pooling
        self.channels, self.out = 3, 3 if depthwise else 4
        inner = 1 if depthwise else self.channels
        self.codes = rng.integers(40, 216, (self.out, inner, kernel, kernel)).astype(float)
        self.x = rng.integers(0, 256, (1, self.channels, 6, 6)).astype(float)
        taps = kernel * kernel * (1 if depthwise else self.channels)
        self.multiplier = (rng.integers(5000, 9000, self.out) / np.sqrt(taps)).astype(int)
        self.shift, self.pad, self.zero = 15, 10, 10
        self.addend = rng.integers(1500, 2100, self.out).astype(float)
        self.parameters = {
            "x": self.x,
            "weight": self.codes / 128,
            "gain": np.zeros(self.out),
            "bias": np.zeros(self.out),
            "range_in": np.zeros(()),
            "range_out": np.zeros(()),
        }
        self.towards = rng.normal(size=self.value().shape)

    def operation(self):
        norm = self.multiplier, self.addend.astype(int), [self.shift] * self.out
        taps = self.kernel**2
        return layer(
            self.codes.astype(np.uint8),
            RELU,
            norm,
            (1, self.channels, 6, 6),
            depthwise=int(self.depthwise),
            pool_type=self.pooling,
            pad_value=self.pad,
            arg_x=-128,
            arg_w=-self.zero,
            arg_add=taps * 128 * self.zero,
        )

    def value(self, **changed):
        p = self.parameters | changed
        edge = self.kernel // 2
        x = np.pad(p["x"], ((0, 0), (0, 0), (edge, edge), (edge, edge)), constant_values=self.pad)
        weights = p["weight"] * 128 - 128
        sums = np.zeros((1, self.out, 6, 6))
        for out in range(self.out):
            for index in range(weights.shape[1]):
                plane = x[0, out if self.depthwise else index] - self.zero
                for i in range(self.kernel):
                    for j in range(self.kernel):
                        sums[0, out] += plane[i : i + 6, j : j + 6] * weights[out, index, i, j]
        factor = self.multiplier / 2**self.shift * np.exp(p["gain"] + p["range_in"])
        # The whole range of bytes is 255 / (256 / 4096) units of the batch norm.
        addend = self.addend + 255 * 16 * p["bias"]
        normed = sums * factor[:, None, None] + addend[:, None, None]
        values = np.clip(normed / np.exp(p["range_out"]) / 16, 0, 240)
        return self.pooled(values)

    def pooled(self, x):
        four = np.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)])
        if self.pooling is Pooling.MAX_2_STRIDE_2:
            return four.max(0)
        if self.pooling is Pooling.MEAN_2_STRIDE_2:
            return four.mean(0)
        if self.pooling is Pooling.LEFT_TOP_2_STRIDE_2:
            return four[0]
        if self.pooling is Pooling.MEAN_2_STRIDE_1:
            x = np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 1)), mode="edge")
            return sum(x[..., i : i + 6, j : j + 6] for i in (0, 1) for j in (0, 1)) / 4
        return x

    def differences(self, name, step=1e-6):
        start = self.parameters[name]
        found = np.zeros_like(start)
        for place in np.ndindex(start.shape):
            ends = []
            for sign in (1, -1):
                moved = start.copy()
                moved[place] += sign * step
                ends.append((self.value(**{name: moved}) * self.towards).sum())
            found[place] = (ends[0] - ends[1]) / (2 * step)
        return found
