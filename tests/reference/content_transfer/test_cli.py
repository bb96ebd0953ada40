"""`k210 run content_transfer` and `k210 train` as a user meets them, bad input included."""

from __future__ import annotations

import shutil

import pytest

from harness.cli.app import run
from harness.report.schema import read_report
from reference.content_transfer import METHOD
from reference.content_transfer.samples import write_samples
from tests.reference.battery.command import CommandBattery
from tests.reference.battery.listener import as_arguments
from tests.reference.content_transfer.conftest import QUICK

NAME = "content_transfer"
SETTINGS = as_arguments(QUICK)


class TestCommand(CommandBattery):
    method, written = METHOD, ("transfer.png",)
    good = staticmethod(lambda metrics: metrics["content_iou"] > 0.3)
    data, picture = "folders", "content/0.png"


@pytest.mark.sim
def test_the_users_pictures_run_on_the_shipped_weights(tmp_path, capsys):
    write_samples(tmp_path / "mine", 20)
    data, out = str(tmp_path / "mine"), str(tmp_path / "run")
    weights = str(METHOD.shipped())
    code = run(["run", NAME, "--data", data, "--checkpoint", weights, "--out", out])
    assert code == 0, capsys.readouterr().err
    report = read_report(tmp_path / "run")
    assert report.data.items == 8
    assert set(report.backends["nncase"].metrics) == {"judged_content", "probe_accuracy"}


@pytest.mark.sim
@pytest.mark.slow
def test_the_users_domains_are_trained_and_run(folders, tmp_path, capsys):
    arguments = ["run", NAME, "--data", str(folders), *SETTINGS]
    # So short a training may leave codes that int8 cannot tell apart: 1 says so.
    assert run([*arguments, "--out", str(tmp_path / "run")]) in (0, 1), capsys.readouterr().err
    assert (tmp_path / "run" / "history.json").is_file()


@pytest.mark.parametrize("empty", ["plain", "content"])
def test_one_empty_domain(failure, folders, tmp_path, empty):
    shutil.copytree(folders, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / empty)
    line = failure("train", NAME, "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert f"no picture of the domain '{empty}'" in line
    assert not (tmp_path / "out").exists()


def test_a_batch_of_one(failure, tmp_path):
    line = failure("train", NAME, "--set", "batch=1", "--out", tmp_path / "out")
    assert "cannot take batch=1" in line
    assert not (tmp_path / "out").exists()


def test_pictures_of_the_wrong_size(failure, folders, tmp_path):
    arguments = ("--data", folders, "--set", "side=128", "--out", tmp_path / "out")
    assert "48 x 48 pixels" in failure("train", NAME, *arguments)
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_width(failure, trained, tmp_path):
    arguments = ("--init", trained, "--set", "width=0.25", "--out", tmp_path / "out")
    line = failure("train", NAME, *arguments)
    assert "the checkpoint has width 0.1 and sep 2, and width 0.25 and sep 8 was asked for" in line
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_no_number(failure, folders, tmp_path, monkeypatch):
    from reference.content_transfer import losses

    real = losses.l_dc
    calls = []

    def broken(*logits):
        calls.append(1)
        return real(*logits) * (float("nan") if len(calls) > 60 else 1)

    monkeypatch.setattr(losses, "l_dc", broken)
    arguments = ("--data", folders, *SETTINGS, "--out", tmp_path / "out")
    line = failure("train", NAME, *arguments)
    assert "step 61: L_DC is no number any more" in line
    assert (tmp_path / "out" / "last_good.safetensors").is_file()
    assert not (tmp_path / "out" / "checkpoint.safetensors").exists()
