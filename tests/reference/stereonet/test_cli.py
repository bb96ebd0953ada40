"""`k210 run stereonet` and `k210 train stereonet` as a user meets them, bad input included."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from harness.cli.app import run
from harness.report.schema import read_report
from reference.stereonet import METHOD
from tests.reference.battery.command import CommandBattery
from tests.reference.battery.listener import as_arguments
from tests.reference.stereonet.conftest import QUICK

SETTINGS = as_arguments(QUICK)


class TestCommand(CommandBattery):
    method, written = METHOD, ("disparities.png",)
    good = staticmethod(lambda metrics: metrics["epe"] < 0.5)
    data, picture = "pairs_folder", "left/0.png"

    test_the_shipped_weights_run = pytest.mark.slow(CommandBattery.test_the_shipped_weights_run)


@pytest.mark.sim
@pytest.mark.slow
def test_the_users_pairs_run_on_the_shipped_weights(pairs_folder, tmp_path, capsys):
    data, out = str(pairs_folder), str(tmp_path / "run")
    weights = str(METHOD.shipped())
    code = run(["run", "stereonet", "--data", data, "--checkpoint", weights, "--out", out])
    assert code == 0, capsys.readouterr().err
    assert read_report(tmp_path / "run").data.items == 4


@pytest.mark.sim
@pytest.mark.slow
def test_the_users_pairs_are_trained_for_and_run(blind_folder, tmp_path, capsys):
    arguments = ["run", "stereonet", "--data", str(blind_folder), "--epochs", "1", *SETTINGS]
    # So short a training may leave features that int8 cannot tell apart: 1 says so.
    assert run([*arguments, "--out", str(tmp_path / "run")]) in (0, 1), capsys.readouterr().err
    assert (tmp_path / "run" / "history.json").is_file()
    assert len(list((tmp_path / "run" / "disparities").iterdir())) == 3


@pytest.mark.parametrize("empty", ["left", "right"])
def test_one_empty_side(failure, pairs_folder, tmp_path, empty):
    shutil.copytree(pairs_folder, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / empty)
    line = failure("train", "stereonet", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert f"holds no pictures in {empty}/" in line
    assert not (tmp_path / "out").exists()


def test_pictures_of_two_sizes(failure, pairs_folder, tmp_path):
    shutil.copytree(pairs_folder, tmp_path / "data")
    Image.new("RGB", (400, 200)).save(tmp_path / "data" / "right" / "0.png")
    line = failure("run", "stereonet", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert "the pictures of 0 have different sizes" in line


def test_a_checkpoint_of_another_width(failure, trained, tmp_path):
    arguments = ("train", "stereonet", "--init", trained, "--set", "pairs=8")
    line = failure(*arguments, "--set", "width=0.25", "--out", tmp_path / "out")
    assert "width 0.0625, and width 0.25 was asked for" in line


def test_a_loss_that_is_no_number(failure, tmp_path, monkeypatch):
    from reference.stereonet import losses

    real = losses.rho
    monkeypatch.setattr(losses, "rho", lambda x: real(x) * float("nan"))
    line = failure("train", "stereonet", "--epochs", "1", *SETTINGS, "--out", tmp_path / "out")
    assert "L_0 is no number any more" in line
    assert (tmp_path / "out" / "last_good.safetensors").is_file()
