"""`k210 run stereonet` and `k210 train stereonet` as a user meets them, bad input included."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

from harness.cli.app import run
from harness.report.schema import read_report
from reference.stereonet import METHOD
from tests.reference.stereonet.conftest import QUICK

SETTINGS = [part for name, value in QUICK.items() for part in ("--set", f"{name}={value}")]


@pytest.fixture
def failure(capsys):
    """Return the one line that a command fails with."""

    def call(*arguments) -> str:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr().err.splitlines()
        assert code == 2, said
        line = said[-1]
        assert line.startswith("k210: ")
        assert "unexpected" not in line
        return line

    return call


@pytest.mark.sim
@pytest.mark.slow
def test_the_shipped_weights_run(tmp_path, capsys):
    out = tmp_path / "run"
    assert run(["run", "stereonet", "--out", str(out), "--json"]) == 0, capsys.readouterr().err
    report = read_report(out)
    assert json.loads(capsys.readouterr().out)["run_id"] == report.run_id
    assert report.verdict == "pass"
    assert report.backends["nncase"].metrics["epe"] < 0.5
    for name in ("model.kmodel", "model.v4.kmodel", "disparities.png", "checkpoint.safetensors"):
        assert (out / name).stat().st_size
    assert not (out / "training").exists()


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


def test_a_picture_that_is_none(failure, pairs_folder, tmp_path):
    shutil.copytree(pairs_folder, tmp_path / "data")
    (tmp_path / "data" / "left" / "0.png").write_bytes(b"no picture")
    line = failure("train", "stereonet", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert "left/0" in line


def test_a_checkpoint_of_another_width(failure, trained, tmp_path):
    arguments = ("train", "stereonet", "--init", trained, "--set", "pairs=8")
    line = failure(*arguments, "--set", "width=0.25", "--out", tmp_path / "out")
    assert "channels 2, and 8 was asked for" in line


def test_a_loss_that_is_no_number(failure, tmp_path, monkeypatch):
    from reference.stereonet import losses

    real = losses.rho
    monkeypatch.setattr(losses, "rho", lambda x: real(x) * float("nan"))
    line = failure("train", "stereonet", "--epochs", "1", *SETTINGS, "--out", tmp_path / "out")
    assert "L_0 is no number any more" in line
    assert (tmp_path / "out" / "last_good.safetensors").is_file()
