"""Files of others, which stay outside of this repository."""

import numpy as np
import pytest

from harness.kmodel import load
from harness.kmodel.dataflow import producers
from harness.kmodel.operations import KpuConv2d

# version, nncase, operations, KPU layers, input, outputs
CONTENT = {
    "iris_v3.kmodel": (3, "0.1", 2, 0, (1, 4), [3]),
    "iris_v4.kmodel": (4, "0.2", 4, 0, (1, 1, 1, 4), [3]),
    "mnist_v3.kmodel": (3, "0.1", 11, 3, (1, 1, 28, 28), [10]),
    "slim320_v4.kmodel": (4, "0.2", 73, 42, (1, 3, 240, 320), [8840, 17680]),
    "yolo20_v3.kmodel": (3, "0.1", 17, 16, (1, 3, 240, 320), [8750]),
    "yolo20_v4.kmodel": (4, "0.2", 17, 16, (1, 3, 240, 320), [8750]),
    "yolox_nano_224_v5_beta1.kmodel": (5, "1.0-beta1", 290, 120, (1, 3, 224, 224), [1029 * 85]),
}


@pytest.fixture(params=sorted(CONTENT))
def named(request, third_party):
    if request.param not in third_party:
        pytest.skip(f"{request.param} is not among the third-party files")
    return request.param, load(third_party[request.param])


def test_third_party_files_are_read_to_their_end(named):
    name, program = named
    version, group, operations, layers, source, outputs = CONTENT[name]
    assert (program.version, program.group) == (version, group)
    assert len(program.operations) == operations
    assert sum(isinstance(op, KpuConv2d) for op in program.operations) == layers
    assert program.inputs[0].buffer.shape == source
    assert [port.buffer.elements for port in program.outputs] == outputs
    assert program.consumed == len(program.data)


def test_every_input_was_written_by_somebody(named):
    _, program = named
    for name, sources in producers(program).items():
        assert all(part.producer for parts in sources for part in parts), name


def test_registers_of_real_layers_survive_decoding(named):
    for operation in named[1].operations:
        if isinstance(operation, KpuConv2d):
            assert type(operation.registers).decode(operation.registers.encode()) == (
                operation.registers
            )
            assert operation.activation.start[0] == -(2**35)
            assert operation.registers.reserved == (0,) * 12


def test_golden_outputs_have_the_shapes_that_files_of_version_4_do_not_store(shared, third_party):
    for name in ("yolo20_v4", "yolo20_v3", "mnist_v3", "iris_v3", "slim320_v4", "iris_v4"):
        golden = np.load(shared / "golden" / name[-2:] / f"{name}.npz")
        program = load(third_party[f"{name}.kmodel"])
        for index, port in enumerate(program.outputs):
            found = tuple(size for size in port.buffer.shape if size != 1)
            assert found == tuple(size for size in golden[f"output_{index}"].shape[1:] if size != 1)
