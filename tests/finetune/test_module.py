"""Whole programs: trained module, written file and converted file say the same to the bit."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from harness.compiler.worker.client import get_worker
from harness.convert import convert
from harness.errors import UsageError
from harness.finetune.layer import TrainableLayer
from harness.finetune.module import TrainableProgram
from harness.finetune.write_back import write_back
from harness.kmodel import load, save
from harness.kmodel.operations import KpuConv2d
from harness.simulator import Simulator
from tests.kmodel.conftest import V5
from tests.kmodel.v5_programs.cuts import cuts, golden
from tests.simulator.test_differential import pictures


def moved(module, size=0.02, seed=0):
    """Move all parameters, as a training does."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * size)
    module.confine()
    return module


def inputs_of(program):
    return [torch.from_numpy(pictures(2, port.buffer.shape[1:])) for port in program.inputs]


def check_same(module, simulator, x):
    with torch.no_grad():
        found = module(x)
    for name, expected in simulator(x).items():
        assert torch.equal(found[name].flatten(), expected.float().flatten()), name


def layers_of(module):
    return [layer for layer in module.layers.values() if isinstance(layer, TrainableLayer)]


@pytest.mark.parametrize("name", V5)
def test_file_and_conversion_are_the_trained_module_to_the_bit(name):
    program = golden(name)
    module, x = TrainableProgram(program), inputs_of(program)
    check_same(module, Simulator(program), x)
    assert save(module.trained()) == save(program)
    written = load(write_back(moved(module), x[0]))
    check_same(module, Simulator(written), x)
    older = load(save(convert(written, 4).program))
    assert older.version == 4
    check_same(module, Simulator(older), x)


@pytest.mark.parametrize("name", V5)
def test_every_weight_has_a_gradient(name):
    program = golden(name)
    module = TrainableProgram(program)
    torch.manual_seed(0)
    outputs = module(inputs_of(program)).values()
    sum((output * torch.randn_like(output)).sum() for output in outputs).backward()
    assert module.stops == []
    for layer in layers_of(module):
        for parameter in layer.parameters_.parameters():
            assert bool(parameter.grad.isfinite().all())
        assert bool(layer.parameters_.weight.grad.abs().sum() > 0)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts())
def test_any_cut_program_is_the_simulators(program):
    if not any(isinstance(operation, KpuConv2d) for operation in program.operations):
        with pytest.raises(UsageError, match="no layer on the KPU"):
            TrainableProgram(program)
        return
    module = moved(TrainableProgram(program))
    check_same(module, Simulator(module.trained()), inputs_of(program))


@pytest.mark.sim
def test_nncase_computes_the_trained_module_from_its_file():
    program = golden("mbv1_025_128")
    module, images = moved(TrainableProgram(program)), pictures(4, (3, 128, 128))
    (expected,) = (
        get_worker().simulate(write_back(module, torch.from_numpy(images)), images).outputs
    )
    with torch.no_grad():
        (found,) = module(images).values()
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("file", ["slim320_v4", "yolo20_v4", "yolo20_v3"])
def test_older_files_are_trained_and_written(shared, file):
    program = load(shared / "kmodels" / f"{file}.kmodel")
    module, x = moved(TrainableProgram(program)), inputs_of(program)
    if program.version == 3:
        check_same(module, Simulator(module.trained()), x)
    else:
        check_same(module, Simulator(load(write_back(module, x[0]))), x)


def test_gradients_pass_the_quantisations_of_older_files(shared):
    module = TrainableProgram(load(shared / "kmodels" / "slim320_v4.kmodel"))
    sum(value.square().mean() for value in module(inputs_of(module.program)).values()).backward()
    assert {name.split("_", 1)[1] for name in module.stops} <= {"quantized_binary"}


def test_a_step_down_the_gradient_brings_the_output_nearer():
    program = golden("residual")
    module, x = TrainableProgram(program), inputs_of(program)
    wanted = {name: value.clone() for name, value in Simulator(program)(x).items()}
    optimizer = torch.optim.Adam(moved(module, 0.05).parameters(), lr=2e-3)
    losses = []
    for _ in range(12):
        loss = sum((module(x)[name] - value).pow(2).mean() for name, value in wanted.items())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        module.confine()
    assert losses[-1] < losses[0] / 2, losses
