"""What users of the module rely on, and traps that golden files do not show by themselves."""

import dataclasses

import numpy as np
import pytest
import torch

from harness.errors import SimulationError, UsageError
from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d, Pooling, RandomNormal
from harness.simulator import RULES, Simulator
from tests.simulator.conftest import KMODELS

GOLDEN = np.load(KMODELS / "residual.npz")
MOBILENET = KMODELS / "mbv1_025_128.kmodel"


@pytest.fixture(scope="module")
def residual():
    return load(KMODELS / "residual.kmodel")


def test_tensors_arrays_names_and_lists_are_all_inputs(residual):
    simulator, x = Simulator(residual), GOLDEN["input_0"]
    expected = simulator(x)["output_0"]
    for same in (torch.from_numpy(x), {"input_0": x}, [x]):
        assert torch.equal(simulator(same)["output_0"], expected)
    assert expected.shape == (8, 7, 32, 32)


@pytest.mark.parametrize(
    "wrong",
    [
        GOLDEN["input_0"].astype(np.float32),
        GOLDEN["input_0"][:, :2],
        GOLDEN["input_0"][:0],
        {"x": GOLDEN["input_0"]},
        [GOLDEN["input_0"]] * 2,
    ],
)
def test_inputs_of_another_kind_are_refused(residual, wrong):
    with pytest.raises(UsageError):
        Simulator(residual)(wrong)


def test_an_unknown_rule_set_is_refused(residual):
    with pytest.raises(UsageError, match=r"choose from: nncase-0\.1, nncase-0\.2"):
        Simulator(residual, rules="silicon")
    assert RULES == ("nncase-0.1", "nncase-0.2")


def test_an_unknown_operation_is_named_with_its_layer(residual):
    last = residual.operations[-1]
    strange = RandomNormal(
        name=last.name,
        offset=last.offset,
        inputs=(),
        outputs=last.outputs,
        mean=0.0,
        std=1.0,
        seed=0.0,
    )
    program = dataclasses.replace(residual, operations=(*residual.operations[:-1], strange))
    with pytest.raises(SimulationError, match=r"random_normal at layer 14_dequantize.*nncase"):
        Simulator(program)


def test_one_pass_yields_every_layer_and_changes_nothing():
    program, x = load(MOBILENET), np.load(MOBILENET.with_suffix(".npz"))["input_0"]
    simulator, seen = Simulator(program), {}
    assert simulator.picks
    quick = simulator(x)["output_0"]
    for name, layer in simulator.layers.items():
        layer.register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.__setitem__(name, output)
        )
    assert torch.equal(simulator(x)["output_0"], quick)
    for operation in program.operations:
        assert seen[operation.name].shape == (8, *operation.output.shape)


def test_work_that_a_stride_throws_away_is_not_done():
    program = load(MOBILENET)
    simulator, seen = Simulator(program), {}
    for name, layer in simulator.layers.items():
        if isinstance(program.operation(name), KpuConv2d):
            chain = layer.chain
            layer.fused = None
            chain.register_forward_pre_hook(
                lambda _module, inputs, name=name: seen.__setitem__(name, inputs[0].shape)
            )
    simulator(np.zeros((1, 3, 128, 128), np.uint8))
    for pick in simulator.picks:
        wanted = program.operation(pick.consumer).output.shape[2:]
        assert seen[pick.producer][2:] == seen[pick.consumer][2:] == wanted
    first = next(o for o in program.operations if isinstance(o, KpuConv2d))
    assert first.pooling is Pooling.LEFT_TOP_2_STRIDE_2
    assert seen[first.name][2:] == first.output.shape[2:]


def test_the_general_form_gives_what_the_fast_one_gives():
    program, x = load(MOBILENET), np.load(MOBILENET.with_suffix(".npz"))["input_0"]
    fast, general = Simulator(program), Simulator(program)
    changed = 0
    for layer in general.layers.values():
        if getattr(layer, "fused", None) is not None:
            layer.fused, changed = None, changed + 1
    assert changed >= 20
    assert torch.equal(fast(x)["output_0"], general(x)["output_0"])


@pytest.mark.gpu
def test_a_gpu_gives_the_same_bits():
    program, x = load(MOBILENET), np.load(MOBILENET.with_suffix(".npz"))["input_0"]
    found = Simulator(program, device="cuda")(x)["output_0"].cpu()
    assert torch.equal(found, Simulator(program)(x)["output_0"])


@pytest.mark.gpu
def test_a_gpu_gives_the_same_bits_for_every_operation(single_layers, single_operations):
    torch.set_float32_matmul_precision("medium")
    for golden, count in ((single_layers, 100), (single_operations, 54)):
        for number in range(count):
            digits = f"{number:0{3 if count == 100 else 2}d}"
            program = load(golden[f"model_{digits}"].tobytes())
            names = [f"input_{digits}_{index}" for index in range(len(program.inputs))]
            names = names if count == 54 else [f"input_{digits}"]
            inputs = [
                golden[name].reshape(port.buffer.shape)
                for name, port in zip(names, program.inputs, strict=True)
            ]
            found = Simulator(program, device="cuda")(inputs)["output_0"].cpu().double()
            expected = Simulator(program)(inputs)["output_0"].double()
            torch.testing.assert_close(found, expected, rtol=2.4e-7, atol=0)
            if program.outputs[0].buffer.dtype.value == "uint8":
                assert torch.equal(found, expected)
    assert torch.get_float32_matmul_precision() == "medium"
    torch.set_float32_matmul_precision("highest")


def test_a_device_that_is_not_there_is_refused(residual):
    for device in ["cuda:99", "abacus"]:
        with pytest.raises(UsageError, match=f"cannot compute on {device}"):
            Simulator(residual, device=device)
