"""The traps of `tests/simulator/traps.py`: tests of their own for some, and that all are seen."""

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.kmodel import load
from harness.kmodel.layout import RowLayout, kpu_rows, row_layout
from harness.kmodel.memory import DType, Memory, Pool, dense
from harness.kmodel.operations import (
    Activation,
    DequantizeZeroPoint,
    FullyConnected,
    MatMul,
    QuantizedAdd,
    QuantizedOperand,
    QuantizeZeroPoint,
    Requantization,
)
from harness.simulator import Simulator
from harness.simulator.operations import quantization, windows
from tests.conftest import REPOSITORY
from tests.kmodel.v3_files import V3File, registers
from tests.simulator.traps import TRAPS

MAIN = Pool("main", Memory.MAIN, 1 << 16)
PLACE = {"name": "x", "offset": 0, "inputs": ()}
BYTES = PLACE | {"outputs": (dense(MAIN, 0, DType.U8, (1, 4)),)}
FLOATS = PLACE | {"outputs": (dense(MAIN, 0, DType.F32, (1, 4)),)}


def floats(*values):
    return torch.tensor(values, dtype=torch.float32)


def test_dequantize_subtracts_before_it_multiplies():
    """Trap 9: the device does it the other way round, and gives other last bits."""
    operation = DequantizeZeroPoint(**FLOATS, zero_point=101, scale=23.7)
    x = torch.arange(256, dtype=torch.uint8)
    found = quantization.dequantize_zero_point(operation, x)
    inverse = np.float32(1) / np.float32(23.7)
    values = np.arange(256, dtype=np.float32)
    np.testing.assert_array_equal(found.numpy(), (values - np.float32(101)) * inverse)
    on_the_device = values * inverse + np.float32(-101) * inverse
    assert (found.numpy() != on_the_device).any()


def test_floats_past_32_bits_become_0():
    """Trap 9: on x86; what the K210 gives is another matter."""
    operation = QuantizeZeroPoint(**BYTES, zero_point=3, scale=1.0)
    found = quantization.quantize_zero_point(operation, floats(3e9, -3e9, 2e9, float("inf")))
    assert found.tolist() == [0, 0, 255, 0]


def test_matrix_products_begin_with_the_bias_and_full_connections_end_with_it():
    """Trap 10: beside 1e8 a single 3 is nothing, and two of them are."""
    x, weights, bias = floats(3, 3)[None, None], floats(1, 1)[None, None], floats(1e8)[None]
    product = MatMul(**FLOATS, clamp=(float("-inf"), float("inf")))
    full = FullyConnected(**FLOATS, activation=Activation.LINEAR)
    assert windows.matmul(product, x, weights.transpose(1, 2), bias).item() == 1e8
    assert windows.fully_connected(full, x, weights, bias).item() == 1e8 + 8


def test_the_quantised_addition_of_version_3_has_rules_of_its_own():
    """Trap 12: what is added is cut off, and the sum is rounded with halves going up."""
    plain = QuantizedOperand(offset=0, multiplier=1, shift=1)
    operation = QuantizedAdd(
        **BYTES, a=plain, b=plain, result=Requantization(multiplier=1, shift=1, offset=10)
    )
    a, b = (torch.tensor(values, dtype=torch.uint8) for values in ([3, 7, 9, 5], [8, 2, 2, 1]))
    # (1 + 4) / 2, (3 + 1) / 2, (4 + 1) / 2, (2 + 0) / 2
    assert quantization.quantized_add(operation, a, b).tolist() == [13, 12, 13, 11]


def test_a_last_body_of_version_3_may_claim_four_bytes_more():
    """Trap 14."""
    full = struct.pack("<15f", *range(15))
    data = bytearray(V3File(outputs=((0, 12),)).layer(18, 16, 0, 4, 3, 1, tail=full).build())
    at = 28 + 8 + 4
    (size,) = struct.unpack_from("<I", data, at)
    struct.pack_into("<I", data, at, size + 4)
    program = load(bytes(data))
    found = Simulator(program)(np.ones((1, 4), np.float32))["output_0"]
    np.testing.assert_array_equal(found[0], [12 + 6, 13 + 22, 14 + 38])


@pytest.mark.parametrize(
    ("width", "groups", "line", "pitch"),
    [
        (4, 4, 1, 16),
        (16, 4, 1, 16),
        (17, 2, 1, 32),
        (32, 2, 1, 32),
        (33, 1, 1, 64),
        (64, 1, 1, 64),
        (65, 1, 2, 64),
        (320, 1, 5, 64),
    ],
)
def test_rows_of_kpu_memory(width, groups, line, pitch):
    """Trap 15: four, two or one channel a row."""
    assert row_layout(width) == RowLayout(groups=groups, row_len=line, pitch=pitch)
    assert kpu_rows(width, 6, 8) == line * 6 * 8 // groups


def test_a_widened_value_stands_in_the_corner_of_its_map():
    """Trap 15: add_padding writes no more than that, and a layer reads all of the map."""
    shape = {"in_width": 4, "in_height": 4, "out_width": 4, "out_height": 4}
    file = V3File(outputs=((1024, 64),)).conv(registers(**shape), main=256)
    file.layer(10241, 256, 512, 4).conv(registers(**shape, source_row=512), main=1024)
    program = load(file.build())
    simulator, seen = Simulator(program), {}
    last = program.operations[-1].name
    simulator.layers[last].register_forward_hook(lambda _l, x, _y: seen.update(x=x[0]))
    simulator(np.full((1, 4, 4, 4), 200, np.uint8))
    maps = seen["x"][0, 0]
    assert maps[:, 0, 0].any()
    assert not maps[:, 1:, :].any()
    assert not maps[:, :, 1:].any()


@pytest.mark.parametrize("asked", [True, False])
def test_a_copy_in_main_memory_is_there_where_the_file_asks_for_it(asked):
    """Trap 16: and it is what the layer leaves in KPU memory."""
    file = V3File(outputs=((256, 4 * 64),)).conv(registers(), main=256 if asked else None)
    if not asked:
        file.outputs = ()
    program = load(file.build())
    (layer,) = program.operations
    assert [buffer.memory for buffer in layer.outputs] == [Memory.KPU] + [Memory.MAIN] * asked
    simulator, seen = Simulator(program), []
    simulator.layers[layer.name].register_forward_hook(lambda _l, _x, y: seen.append(y))
    x = np.random.default_rng(0).integers(0, 2, (3, 4, 8, 8), dtype=np.uint8)
    outputs = simulator(x)
    assert list(outputs) == ["output_0"] * asked
    if asked:
        assert torch.equal(outputs["output_0"], seen[0][:, 0])
        assert len(seen[0].unique()) > 1


def test_each_trap_is_listed_and_each_mistake_can_be_made():
    assert {trap.number for trap in TRAPS} == set(range(1, 21))
    for trap in TRAPS:
        source = (REPOSITORY / trap.file).read_text()
        assert source.count(trap.right) == 1, trap.mistake
        for test in trap.tests:
            name = test.partition("::")[2].partition("[")[0]
            assert f"def {name}" in (REPOSITORY / test.partition("::")[0]).read_text(), test


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the source in which mistakes can be made."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("harness", "reference", "tests", "fixtures/kmodels"):
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    return folder


def passes(folder, tests):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        env=environment | {"CI": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap.number} {trap.mistake}")
def test_who_falls_into_a_trap_is_seen(copy: Path, trap):
    path = copy / trap.file
    source = path.read_text()
    try:
        path.write_text(source.replace(trap.right, trap.wrong))
        seen = [test for test in trap.tests if not passes(copy, [test])]
    finally:
        path.write_text(source)
    assert seen == list(trap.tests)


@pytest.mark.slow
def test_without_a_mistake_the_same_tests_pass(copy: Path):
    assert passes(copy, sorted({test for trap in TRAPS for test in trap.tests}))
