"""Balanced channels: what outliers cost comes back, and what has none stays as it is."""

from dataclasses import replace

import pytest
import torch

from harness import method
from harness.compiler.build import compile_deployable
from harness.finetune.balance import balance, balanced_maps
from harness.finetune.module import TrainableProgram
from harness.kmodel import load
from harness.kmodel.operations import Pooling
from harness.simulator import Simulator
from reference.coin_classifier.checkpoint import read_checkpoint
from tests.conftest import REPOSITORY
from tests.finetune.outliers import with_outliers
from tests.kmodel.v5_programs.cuts import golden
from tests.simulator.test_differential import pictures

WEIGHTS = REPOSITORY / "fixtures" / "weights" / "rendered_coins_0.25.safetensors"


def outputs(program, inputs):
    found = Simulator(program)(inputs).values()
    return torch.cat([out.double().flatten(1) for out in found], 1)


@pytest.mark.sim
def test_most_of_what_outliers_cost_comes_back(tmp_path):
    small = replace(read_checkpoint(WEIGHTS), size=96)
    coins = method.get("coin_classifier")
    inputs = torch.from_numpy(coins.deployable(saved(small, tmp_path)).calibration)
    with_outliers(small, inputs, 32.0).save(tmp_path / "outliers.safetensors")
    deployable = coins.deployable(tmp_path / "outliers.safetensors")
    program = load(compile_deployable(deployable).kmodel)
    with torch.no_grad():
        truth = deployable.module(inputs.float() / 255).double()
    module = TrainableProgram(program)
    assert balance(module, inputs) > 1000
    before, after = (
        (outputs(one, inputs) - truth).square().mean() for one in (program, module.trained())
    )
    assert before > 0.1 * truth.var()
    assert after < before / 4


def saved(checkpoint, folder):
    checkpoint.save(folder / "small.safetensors")
    return folder / "small.safetensors"


# Zero is byte 0 in the maps of the first two, and another one in the others'.
@pytest.mark.parametrize("name", ["stride4", "residual", "maxpool_leaky", "upsample_nearest"])
def test_what_has_no_outliers_changes_little(name):
    good = golden(name)
    inputs = torch.from_numpy(pictures(12, good.inputs[0].buffer.shape[1:]))
    module = TrainableProgram(good)
    assert balance(module, inputs) > 0
    truth = outputs(good, inputs)
    error = (outputs(module.trained(), inputs) - truth).square().mean()
    assert 0 < error < 0.003 * truth.var()


def test_a_map_behind_a_mean_is_left_alone():
    """Its bytes do not tell how far the activation reached before the mean."""
    good = golden("residual")
    first, *rest = pairs(TrainableProgram(good))
    operations = tuple(
        replace(one, registers=replace(one.registers, pool_type=Pooling.MEAN_2_STRIDE_1))
        if one.name == first
        else one
        for one in good.operations
    )
    assert rest == pairs(TrainableProgram(replace(good, operations=operations)))


def pairs(module):
    return [writer.parameters_.layer.name for writer, _ in balanced_maps(module)]
