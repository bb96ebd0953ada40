"""Against tensors that vendor code made: each equal to the bit, batch or not."""

import zlib

import numpy as np
import pytest

from harness.kmodel import load
from harness.simulator import Simulator
from tests.simulator.conftest import KMODELS, V5

# One unit in the last place more or less: results of exp, log, sin and cos.
BUILT_ON_EXP = {"softmax", "unary_exp", "unary_log", "unary_sin", "unary_cos", "nnil_hardswish"}
WHOLE = ["iris_v3", "mnist_v3", "yolo20_v3", "iris_v4", "yolo20_v4", "slim320_v4"]


def assert_same(found, expected, ulp=0):
    found = np.asarray(found).reshape(expected.shape)
    assert found.dtype == expected.dtype
    if ulp:
        np.testing.assert_array_max_ulp(found, expected, ulp)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", V5)
def test_graphs_of_nncase_1_9(name):
    golden = np.load(KMODELS / f"{name}.npz")
    found = Simulator(load(KMODELS / f"{name}.kmodel"))(golden["input_0"])["output_0"]
    assert_same(found, golden["output_0"], ulp=2 if name == "acts" else 0)


@pytest.mark.parametrize("index", range(100))
def test_single_layers(single_layers, index):
    simulator = Simulator(load(single_layers[f"model_{index:03d}"].tobytes()))
    found = simulator(single_layers[f"input_{index:03d}"])["output_0"]
    assert_same(found, single_layers[f"output_{index:03d}"])


@pytest.mark.parametrize("index", range(54))
def test_single_operations(single_operations, index):
    golden = single_operations
    program = load(golden[f"model_{index:02d}"].tobytes())
    inputs = [
        golden[f"input_{index:02d}_{number}"].reshape(port.buffer.shape)
        for number, port in enumerate(program.inputs)
    ]
    found = Simulator(program)(inputs)["output_0"]
    exact = golden["names"][index] not in BUILT_ON_EXP
    assert_same(found, golden[f"output_{index:02d}"], ulp=0 if exact else 2)


def run_whole(shared, name, rules):
    """Return the golden, the operations, the outputs and what every layer gave."""
    golden = np.load(shared / "golden" / name[-2:] / f"{name}.npz")
    program = load(shared / "kmodels" / f"{name}.kmodel")
    simulator, seen = Simulator(program, rules=rules), {}
    for layer, module in simulator.layers.items():
        module.register_forward_hook(
            lambda _module, _inputs, output, layer=layer: seen.__setitem__(layer, output)
        )
    return golden, program, simulator(golden["input_0"]), seen


@pytest.mark.parametrize("name", WHOLE)
def test_whole_models(shared, name):
    golden, program, outputs, seen = run_whole(shared, name, "nncase-0.2")
    for port, found in outputs.items():
        assert_same(found, golden[port])
    if name.endswith("v4"):
        for index, operation in enumerate(program.operations):
            for case, expected in enumerate(golden["node_crc32"]):
                value = seen[operation.name].expand(len(golden["input_0"]), *operation.output.shape)
                data = np.ascontiguousarray(value[case].numpy()).tobytes()
                assert zlib.crc32(data) == expected[index], operation.name


@pytest.mark.parametrize("name", ["yolo20_v3", "mnist_v3", "iris_v3"])
def test_whole_models_with_the_older_rules(shared, name):
    golden, _, outputs, _ = run_whole(shared, name, "nncase-0.1")
    assert_same(outputs["output_0"], golden["output_0_emu01"])


@pytest.mark.parametrize("rules", ["nncase-0.1", "nncase-0.2"])
def test_layers_of_yolo_v3(shared, rules):
    golden, program, _, seen = run_whole(shared, "yolo20_v3", rules)
    crcs = golden["conv_crc32" if rules == "nncase-0.2" else "conv_crc32_emu01"]
    layers = [o.name for o in program.operations if o.kind() == "kpu_conv2d"]
    for case, expected in enumerate(crcs):
        for layer, crc in zip(layers, expected, strict=True):
            assert zlib.crc32(seen[layer][case].contiguous().numpy().tobytes()) == crc, layer


def test_the_rule_sets_differ(shared):
    _, _, newer, _ = run_whole(shared, "yolo20_v3", "nncase-0.2")
    _, _, older, _ = run_whole(shared, "yolo20_v3", "nncase-0.1")
    assert (newer["output_0"] != older["output_0"]).float().mean() > 0.3
