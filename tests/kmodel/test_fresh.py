"""Files that nncase has just made: the program has to be what nncase says it generated."""

from collections import Counter

import pytest
from torch import nn

from harness.compiler.build import compile_deployable
from harness.kmodel import load
from harness.kmodel.dataflow import producers
from tests.compiler.networks import TwoOutputs, small_net
from tests.compiler.test_build import deployable

pytestmark = pytest.mark.sim

KINDS = {
    "KPUUpload": "kpu_upload",
    "KPUDownload": "kpu_download",
    "KPUConv2D": "kpu_conv2d",
    "Conv2D": "conv2d",
    "ResizeImage": "resize",
    "ReduceWindow2D": "reduce_window2d",
    "MatMul": "matmul",
}
NETWORKS = {
    "small": small_net(),
    "softmax": nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
        nn.Softmax(1),
    ),
    "cpu": nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.Upsample(scale_factor=2), nn.Conv2d(8, 4, 5, padding=2)
    ),
    "pool": nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(3, 2, 1)),
}


def generated(compiled):
    """Return nncase's operations; a slice that only names a part of a tensor makes no code."""
    placed = compiled.placement
    after = [*placed[1:], None]
    return [
        (KINDS.get(now.operation, now.operation.lower()), now.shape)
        for now, then in zip(placed, after, strict=True)
        if not (now.operation == "Slice" and then and then.operation == "Copy")
    ]


def read(program):
    return [(operation.kind(), operation.output.shape) for operation in program.operations]


@pytest.mark.parametrize("name", NETWORKS)
def test_operations_are_those_of_nncase_in_its_order(name):
    compiled = compile_deployable(deployable(NETWORKS[name].eval()))
    program = load(compiled.kmodel)
    assert read(program) == generated(compiled)
    assert program.group == "1.6-1.9"
    assert program.consumed == len(compiled.kmodel)


def test_branches_run_in_another_order_but_are_the_same():
    compiled = compile_deployable(deployable(TwoOutputs(), ("left", "right")))
    program = load(compiled.kmodel)
    assert Counter(read(program)) == Counter(generated(compiled))
    shapes = [port.buffer.shape for port in program.outputs]
    assert shapes == [output.shape for output in compiled.contract.outputs]
    for sources in producers(program).values():
        assert all(part.producer for parts in sources for part in parts)
