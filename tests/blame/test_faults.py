from dataclasses import replace

import pytest

from harness.blame.analyse import analyse
from harness.compiler.worker.client import get_worker
from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from tests.blame import cases

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))]


def kpu_layers(suspect):
    return [one.name for one in load(suspect.kmodel).operations if isinstance(one, KpuConv2d)]


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_is_to_blame_for_a_healthy_network(seed):
    suspect = cases.healthy(seed)
    blame = analyse(suspect)
    assert blame.verdict.stage == "none", blame.verdict
    for errors in blame.outputs.values():
        assert errors["kpu"].snr_db > 25


def test_a_layer_that_gives_zeros_accuses_nobody_behind_it():
    suspect = cases.dead(1)
    blame = analyse(suspect)
    assert blame.verdict.stage == "none", blame.verdict


def test_outputs_that_nncase_gave_have_their_column():
    suspect = cases.healthy(0)
    found = get_worker().simulate(suspect.kmodel, suspect.images).outputs
    blame = analyse(replace(suspect, nncase={"scores": found[0]}))
    (errors,) = blame.outputs.values()
    assert errors["nncase"] == errors["kpu"]


@pytest.mark.parametrize("seed", SEEDS)
def test_bgr_for_rgb_is_an_input_contract(seed):
    verdict = analyse(cases.bgr(seed)).verdict
    assert verdict.stage == "input contract", verdict
    assert "BGR where the contract says RGB" in verdict.evidence[0], verdict


@pytest.mark.parametrize("seed", SEEDS)
def test_a_wrong_mean_is_an_input_contract_and_its_value_is_told(seed):
    verdict = analyse(cases.wrong_mean(seed)).verdict
    assert verdict.stage == "input contract", verdict
    assert "with mean (0.2, 0.55, 0.6)" in verdict.evidence[0], verdict


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_block_is_found_to_the_byte(seed):
    suspect, layer, start = cases.damaged(seed)
    verdict = analyse(suspect).verdict
    assert (verdict.stage, verdict.layer) == ("weights", layer), verdict
    assert f"48 weights of {layer}" in verdict.evidence[0]
    assert f"bytes {start} to {start + 47} of the file" in verdict.evidence[0], verdict


@pytest.mark.parametrize("seed", SEEDS)
def test_a_channel_that_spoils_the_weights_is_named(seed):
    suspect, place, channel = cases.outlier(seed)
    verdict = analyse(suspect).verdict
    normalises = suspect.contract.normalises
    assert verdict.stage == "weights", verdict
    assert verdict.layer == kpu_layers(suspect)[place + normalises], verdict
    assert any(f"weights of input channel {channel} reach" in one for one in verdict.evidence)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_old_rounding_is_the_firmwares(seed):
    suspect = cases.old_rounding(seed)
    verdict = analyse(suspect).verdict
    assert verdict.stage == "firmware", verdict
    assert "rounding of nncase-0.1 equals the board bit for bit" in verdict.evidence[0]
