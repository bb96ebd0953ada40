"""`k210 finetune coin_classifier` as a user meets it, bad input included."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from harness.cli.commands.finetune import _losses
from harness.compiler.contract import read_model, stock_file
from harness.kmodel import load
from harness.report.schema import read_report
from harness.simulator import Simulator
from reference.coin_classifier.checkpoint import read_checkpoint
from tests.conftest import REPOSITORY

WEIGHTS = REPOSITORY / "fixtures" / "weights" / "rendered_coins_0.25.safetensors"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The shipped weights for pictures of 96 pixels."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    replace(read_checkpoint(WEIGHTS), size=96).save(path)
    return path


@pytest.fixture(scope="module")
def black(tmp_path_factory):
    """One picture that was taken with the cap on the lens."""
    folder = tmp_path_factory.mktemp("black")
    Image.new("RGB", (96, 96)).save(folder / "black.png")
    return folder


@pytest.mark.sim
def test_what_is_trained_is_what_the_files_do(k210_command, tmp_path, small, black):
    out = tmp_path / "run"
    command = ["finetune", "coin_classifier", "--checkpoint", small, "--calibration", black]
    command += ["--epochs", 1, "--out", out, "--json"]
    ended = k210_command(*command)
    assert ended.code in (0, 1), ended.err
    told = ended.json()["finetune"]
    assert told["kept"] == "finetuned"
    assert told["helped"][-1] == "training"
    assert told["epochs"][0]["kept_back"]["loss"] < told["start"]["loss"]
    known = {"float", "compiled", "finetuned"} | ({"balanced"} if told["balanced"] else set())
    assert set(told["accuracy"]) == known
    report = read_report(out)
    exact = {(one.reference, one.candidate): one.first_difference for one in report.comparisons}
    assert exact["nncase", "kpu"] is None
    check_files(out)


def course(balanced, best, *losses):
    return {
        "start": {"loss": 0.8},
        "balanced": {"loss": balanced} if balanced else None,
        "epochs": [{"kept_back": {"loss": loss}} for loss in losses],
        "best_epoch": best,
    }


@pytest.mark.parametrize(
    ("told", "last"),
    [
        (course(None, 0), "as compiled: loss 0.8000"),
        (course(0.1, 0), "with balanced channels: loss 0.1000"),
        (course(0.3, 2, 0.2, 0.1), "behind epoch 2: loss 0.1000, the best"),
    ],
)
def test_each_step_is_told_with_what_it_brought(told, last):
    assert [*_losses(told)][-1] == last


def check_files(out):
    contract, kmodel = read_model(out)
    assert "fine-tuned" in contract.compiler
    older = (out / stock_file(4)).read_bytes()
    contract.check(older)
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 96, 96), dtype=np.uint8)
    (five,), (four,) = (Simulator(load(file))(images).values() for file in (kmodel, older))
    assert torch.equal(five.flatten(), four.flatten())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--run with a run folder, or --checkpoint"),
        (
            ["--checkpoint", WEIGHTS, "--run", "runs/one"],
            "--run with a run folder, or --checkpoint",
        ),
        (["--checkpoint", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--run", "nowhere"], "nowhere"),
        (["--checkpoint", WEIGHTS, "--calibration", "33"], "1 to 32 calibration images"),
        (["--checkpoint", WEIGHTS, "--calibration", "nowhere"], "nowhere"),
        (["--checkpoint", WEIGHTS, "--device", "cuda:99"], "cuda:99"),
        (["--checkpoint", WEIGHTS, "--lr", "0"], "--lr 0"),
        (["--checkpoint", WEIGHTS, "--lr", "nan"], "--lr nan"),
        (["--checkpoint", WEIGHTS, "--minutes", "-1"], "--minutes -1"),
        (["--checkpoint", WEIGHTS, "--backends", "magic"], "magic"),
    ],
)
def test_wrong_options_are_one_line_and_leave_nothing(k210_command, tmp_path, arguments, said):
    out = tmp_path / "out"
    line = k210_command("finetune", "coin_classifier", *arguments, "--out", out).error_line()
    assert said in line
    assert not out.exists()


@pytest.mark.sim
def test_a_kmodel_of_other_weights_is_refused(k210_command, tmp_path, small):
    run, out = tmp_path / "run", tmp_path / "out"
    command = ["run", "coin_classifier", "--checkpoint", small, "--backends", "kpu", "--out", run]
    assert k210_command(*command).code in (0, 1)
    line = k210_command("finetune", "coin_classifier", "--run", run, "--out", run).error_line()
    assert "would be lost" in line
    trained = read_checkpoint(small)
    head = trained.weights["head.bias"] + 1
    replace(trained, weights=trained.weights | {"head.bias": head}).save(
        run / "checkpoint.safetensors"
    )
    command = ["finetune", "coin_classifier", "--run", run, "--out", out]
    line = k210_command(*command).error_line()
    assert "was not made of the weights" in line
    (run / "model.kmodel").write_bytes((run / "model.v4.kmodel").read_bytes()[:-1])
    assert "not the one that contract.json" in k210_command(*command).error_line()
    assert not out.exists()
    line = k210_command(*command, "--calibration", "4").error_line()
    assert "--calibration has no say" in line


@pytest.mark.sim
def test_time_that_is_over_leaves_no_result(k210_command, tmp_path, small):
    out = tmp_path / "out"
    command = ["finetune", "coin_classifier", "--checkpoint", small, "--minutes", 0, "--out", out]
    assert "0 minutes are over" in k210_command(*command).error_line()
    assert not out.exists()
