"""Models that cut the picture before the first layer: nncase alone writes what nobody can run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from harness.backends import Subject, get
from harness.compare import compare
from harness.compiler.build import compile_deployable
from harness.errors import HarnessError, SimulationError
from harness.method import InputContract
from tests.compiler.test_build import deployable

pytestmark = pytest.mark.sim
SHAPE = (3, 32, 32)


class Cut(nn.Module):
    """One part of a picture beside the other, as in a pair of views."""

    def __init__(self, sizes, axis):
        super().__init__()
        torch.manual_seed(0)
        self.sizes, self.axis = sizes, axis
        channels = sizes if axis == 1 else (3, 3)
        self.sides = nn.ModuleList(nn.Conv2d(count, 8, 3, padding=1) for count in channels)

    def forward(self, x):
        first, second = x.split(self.sizes, self.axis)
        return self.sides[0](first) + self.sides[1](second)


class Lower(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return self.body(x[:, :, 13:])


@pytest.mark.parametrize(
    "net",
    [
        pytest.param(Cut((16, 16), 3), marks=pytest.mark.slow),
        Cut((16, 16), 2),
        Cut((2, 1), 1),
        pytest.param(Lower(), marks=pytest.mark.slow),
    ],
    ids=["views beside each other", "views above each other", "channels", "a horizon"],
)
def test_it_runs_and_is_right_everywhere(net):
    target = deployable(net.eval(), contract=InputContract(SHAPE))
    compiled = compile_deployable(target)
    subject = Subject(target.contract, target.outputs, target.module, compiled.kmodel)
    stock = Subject(target.contract, target.outputs, target.module, compiled.stock.data)
    inputs = target.evaluation.inputs
    found = {name: get(name).run(subject, inputs).outputs for name in ("float", "nncase", "kpu")}
    assert compare(found["float"], found["nncase"]).outputs["y"].snr_db > 30
    for same in (found["kpu"], get("kpu").run(stock, inputs).outputs):
        np.testing.assert_array_equal(same["y"], found["nncase"]["y"])
    assert {one.rewrite for one in compiled.rewrites} == {"crop"}


def test_what_nncase_alone_writes_is_refused_by_its_simulator_and_by_ours():
    target = deployable(Lower().eval(), contract=InputContract(SHAPE))
    compiled = compile_deployable(target, rewrites={"crop": "off"})
    subject = Subject(target.contract, target.outputs, target.module, compiled.kmodel)
    with pytest.raises(SimulationError, match="Invalid argument"):
        get("nncase").run(subject, target.evaluation.inputs)
    with pytest.raises(HarnessError, match=r"nncase's runtime refuses it.*k210 compile mends"):
        get("kpu").run(subject, target.evaluation.inputs)
    assert "start of a parameter" in compiled.stock.refusal
