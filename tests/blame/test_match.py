"""Counterparts and scales: which float tensor a layer computes, and what its codes stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from harness.backends.floating import to_float
from harness.blame.columns import Columns, is_row
from harness.blame.flow import Flow, stated_codes
from harness.blame.graph import Graph
from harness.blame.match import match
from harness.blame.parameters import damages
from harness.blame.units import Codes
from harness.compiler.build import compile_source
from harness.compiler.source import source_of_module
from harness.kmodel import load
from harness.kmodel.operations import Dequantize, KpuConv2d
from harness.method import InputContract
from harness.simulator import Simulator
from tests.blame import cases

pytestmark = pytest.mark.sim

CONTRACT = InputContract((3, 48, 40))


class Fused(nn.Module):
    """Batch norm, fused pooling, a sum of two maps, a stride that the next layer takes, a head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.left, self.right = nn.Conv2d(16, 16, 3, 1, 1), nn.Conv2d(16, 16, 1)
        self.wide = nn.Sequential(nn.Conv2d(16, 24, 1), nn.LeakyReLU(0.1), nn.MaxPool2d(2))
        self.depth = nn.Conv2d(24, 24, 3, 2, 1, groups=24)
        self.point = nn.Conv2d(24, 32, 1)
        self.head = nn.Linear(32, 7)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 1.5)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.stem(x)
        x = torch.relu(self.left(x) + self.right(x))
        x = self.wide(x)
        x = torch.relu(self.point(torch.relu(self.depth(x))))
        return self.head(x.mean((2, 3))), torch.sigmoid(x)


class Setting:
    """A compiled network with its links."""

    def __init__(
        self, module: nn.Module, contract: InputContract, outputs: tuple[str, ...]
    ) -> None:
        self.module, self.contract = module.eval(), contract
        _, height, width = contract.shape
        coarse = torch.from_numpy(np.random.default_rng(2).uniform(0, 255, (6, 3, 6, 5)))
        smooth = nn.functional.interpolate(coarse, (height, width), mode="bilinear")
        self.images = smooth.numpy().astype(np.uint8)
        source = source_of_module(self.module, "net", contract, outputs)
        compiled = compile_source(source, self.images)
        self.graph = Graph(source.data)
        self.given = Codes.of_bytes(contract.range)
        self.floats = self.graph.run(self.given.decode_images(self.images))
        self.graph.learn_shapes(self.floats)
        self.flow = Flow(Simulator(load(compiled.kmodel)))
        self.links = match(self.flow, self.graph, self.floats, self.given, {})

    def kpu(self) -> list[KpuConv2d]:
        return [one for one in self.flow.program.operations if isinstance(one, KpuConv2d)]


@pytest.fixture(scope="module")
def fused():
    return Setting(Fused(), CONTRACT, ("scores", "map"))


def test_the_interpreter_computes_what_pytorch_computes(fused):
    with torch.inference_mode():
        expected = fused.module(torch.from_numpy(to_float(fused.images, CONTRACT)))
    for name, reference in zip(fused.graph.outputs, expected, strict=True):
        assert torch.allclose(fused.floats[name], reference, atol=1e-5)


def test_counterparts_survive_folding_and_fusion(fused):
    nodes = {
        name: [node.name for node in fused.graph.needed(link.sources, link.tensor)]
        for name, link in fused.links.items()
        if isinstance(link.operation, KpuConv2d)
    }
    assert all(nodes.values()), nodes
    found = list(nodes.values())
    assert found[0] == ["/stem/stem.0/Conv", "/stem/stem.2/Relu"]
    assert ["/left/Conv"] in found
    assert ["/right/Conv"] in found
    assert ["/Add", "/Relu"] in found
    assert ["/wide/wide.0/Conv", "/wide/wide.1/LeakyRelu", "/wide/wide.2/MaxPool"] in found
    assert ["/depth/Conv", "/Relu_1"] in found
    assert ["/head/Gemm"] in found


def test_stated_scales_are_those_that_tables_and_weights_give(fused):
    """Dequantisations state scales exactly; ours come from weights, batch norm and tables."""
    checked = 0
    for name, link in fused.links.items():
        if not isinstance(link.operation, Dequantize):
            continue
        (key,) = fused.flow.keys(name)
        while not isinstance(fused.links[key[0]].operation, KpuConv2d):
            (key,) = fused.flow.keys(key[0])
        source, stated = fused.links[key[0]], stated_codes(link.operation)
        assert source.fit is not None
        assert source.fit.codes.zero_point == stated.zero_point
        # Fifteen straight segments follow a sigmoid to half a code; lines they follow exactly.
        exact = source.fit.worst < 0.4
        assert source.fit.codes.scale == pytest.approx(stated.scale, rel=1e-4 if exact else 5e-3)
        checked += 1
    assert checked >= 3


def test_biases_and_weights_say_the_same_unit(fused):
    units = [link for link in fused.links.values() if link.unit and link.bias_unit]
    assert len(units) >= 4
    for link in units:
        assert link.bias_unit == pytest.approx(link.unit, rel=2e-3), link.operation.name


def test_no_parameter_of_a_healthy_file_is_called_damaged(fused):
    assert damages(fused.links) == []


def test_decoded_results_are_within_a_step_where_inputs_are_exact(fused):
    columns = Columns(fused.flow, fused.graph, fused.links, fused.given)
    columns.add(fused.floats, torch.from_numpy(fused.images), fused.floats)
    for name, link in fused.links.items():
        if is_row(link.operation) and link.codes is not None and link.tensor:
            noise = columns.tallies[name, "kpu", True].error().mse ** 0.5
            assert noise < link.codes.scale, name


def test_the_chips_column_is_the_simulator(fused):
    columns = Columns(fused.flow, fused.graph, fused.links, fused.given)
    found = columns.add(fused.floats, torch.from_numpy(fused.images), fused.floats)
    expected = Simulator(fused.flow.program)(fused.images)
    for name, value in expected.items():
        assert torch.equal(found[name].reshape(value.shape), value.float())


@pytest.mark.parametrize(
    "seed", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in range(5, 12))]
)
def test_every_convolution_of_a_random_network_is_found(seed):
    setting = Setting(cases.network(seed), InputContract((3, 24, 24)), ("scores",))
    convolutions = len(cases.convolutions(setting.module))
    linked = {setting.links[one.name].linear for one in setting.kpu()}
    assert len(linked - {""}) == len(setting.kpu()) == convolutions
