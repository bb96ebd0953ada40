"""`k210 run dtn` and `k210 train dtn` as a user meets them, bad input included."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from harness.cli.app import run
from harness.report.schema import read_report
from reference.dtn import METHOD
from reference.dtn.samples import write_samples
from tests.reference.battery.command import CommandBattery
from tests.reference.battery.listener import as_arguments
from tests.reference.dtn.conftest import QUICK

SETTINGS = as_arguments(QUICK)


class TestCommand(CommandBattery):
    method, written = METHOD, ("transfer.png",)
    good = staticmethod(lambda metrics: metrics["accuracy"] > 0.5)
    data, picture = "domains_folder", "target/bar/0.png"


@pytest.mark.sim
def test_the_users_pictures_run_on_the_shipped_weights(tmp_path, capsys):
    write_samples(tmp_path / "mine", 60)
    data, out = str(tmp_path / "mine"), str(tmp_path / "run")
    weights = str(METHOD.shipped())
    code = run(["run", "dtn", "--data", data, "--checkpoint", weights, "--out", out])
    assert code == 0, capsys.readouterr().err
    assert read_report(tmp_path / "run").data.items == 12


@pytest.mark.sim
def test_the_users_domains_are_trained_and_run(domains_folder, tmp_path, capsys):
    arguments = ["run", "dtn", "--data", str(domains_folder), "--epochs", "2", *SETTINGS]
    # So short a training may leave codes that int8 cannot tell apart: 1 says so.
    assert run([*arguments, "--out", str(tmp_path / "run")]) in (0, 1), capsys.readouterr().err
    assert read_report(tmp_path / "run").data.classes == ("bar", "disc")
    assert (tmp_path / "run" / "history.json").is_file()


@pytest.mark.parametrize("empty", ["source", "target"])
def test_one_empty_domain(failure, domains_folder, tmp_path, empty):
    shutil.copytree(domains_folder, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / empty)
    line = failure("train", "dtn", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert f"no pictures of the domain {empty}" in line
    assert not (tmp_path / "out").exists()


def test_a_batch_of_one(failure, domains_folder, tmp_path):
    arguments = ("train", "dtn", "--data", domains_folder, "--out", tmp_path / "out")
    assert "cannot take batch=1" in failure(*arguments, "--set", "batch=1")
    shutil.copytree(domains_folder / "source", tmp_path / "data" / "source")
    Image.new("L", (32, 32)).save(_made(tmp_path / "data" / "target") / "0.png")
    line = failure("train", "dtn", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert "a batch of one cannot be normed" in line


def test_a_checkpoint_of_another_width(failure, domains_folder, trained, tmp_path):
    arguments = ("train", "dtn", "--data", domains_folder, "--init", trained)
    line = failure(*arguments, "--set", "width=0.25", "--out", tmp_path / "out")
    assert "width 0.03125, and width 0.25 was asked for" in line


def test_a_loss_that_is_no_number(failure, domains_folder, tmp_path, monkeypatch):
    from reference.dtn import losses

    real = losses.l_tid
    monkeypatch.setattr(losses, "l_tid", lambda *batches: real(*batches) * float("nan"))
    arguments = ("--data", domains_folder, "--epochs", "2", *SETTINGS, "--out", tmp_path / "out")
    line = failure("train", "dtn", *arguments)
    assert "L_TID is no number any more" in line
    assert (tmp_path / "out" / "last_good.safetensors").is_file()


def _made(folder):
    folder.mkdir(parents=True)
    return folder
