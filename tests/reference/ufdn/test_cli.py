"""`k210 run ufdn` and `k210 train ufdn` as a user meets them, bad input included."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from harness.cli.app import run
from harness.report.schema import read_report
from reference.ufdn import METHOD
from reference.ufdn.samples import write_samples
from tests.reference.battery.command import CommandBattery
from tests.reference.battery.listener import as_arguments
from tests.reference.ufdn.conftest import QUICK

SETTINGS = as_arguments(QUICK)


class TestCommand(CommandBattery):
    method, written = METHOD, ("translated.png",)
    good = staticmethod(lambda metrics: metrics["accuracy"] > 0.9)
    data, picture = "domains_folder", "target/bar/0.png"


@pytest.mark.sim
@pytest.mark.slow
def test_the_users_pictures_run_on_the_shipped_weights(tmp_path, capsys):
    write_samples(tmp_path / "mine", 60)
    data, out = str(tmp_path / "mine"), str(tmp_path / "run")
    weights = str(METHOD.shipped())
    code = run(["run", "ufdn", "--data", data, "--checkpoint", weights, "--out", out])
    assert code == 0, capsys.readouterr().err
    assert read_report(tmp_path / "run").data.items == 24


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.parametrize("form", ["adaptation", "images"])
def test_the_users_domains_are_trained_and_run(domains_folder, tmp_path, capsys, form):
    arguments = ["run", "ufdn", "--data", str(domains_folder), "--epochs", "2", *SETTINGS]
    arguments += ["--set", f"form={form}", "--out", str(tmp_path / "run")]
    # So short a training may leave codes that int8 cannot tell apart: 1 says so.
    assert run(arguments) in (0, 1), capsys.readouterr().err
    assert read_report(tmp_path / "run").data.classes == (
        ("bar", "disc") if form == "adaptation" else ()
    )
    assert (tmp_path / "run" / "history.json").is_file()


@pytest.mark.parametrize(
    ("empty", "said"),
    [
        ("source", "holds no pictures of the domain source"),
        ("target", "holds no pictures but those of source"),
    ],
)
def test_one_empty_domain(failure, domains_folder, tmp_path, empty, said):
    shutil.copytree(domains_folder, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / empty)
    (tmp_path / "data" / empty).mkdir()
    line = failure("train", "ufdn", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert said in line
    assert not (tmp_path / "out").exists()


def test_a_batch_of_one(failure, domains_folder, tmp_path):
    arguments = ("train", "ufdn", "--data", domains_folder, "--out", tmp_path / "out")
    assert "cannot take batch=1" in failure(*arguments, "--set", "batch=1")
    shutil.copytree(domains_folder / "source", tmp_path / "data" / "source")
    (tmp_path / "data" / "target").mkdir()
    Image.new("L", (32, 32)).save(tmp_path / "data" / "target" / "0.png")
    line = failure("train", "ufdn", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert "a batch of one cannot be normed" in line


def test_a_checkpoint_of_another_width(failure, domains_folder, trained, tmp_path):
    arguments = ("train", "ufdn", "--data", domains_folder, "--init", trained)
    line = failure(*arguments, "--set", "width=0.25", "--out", tmp_path / "out")
    assert "the checkpoint has width 0.015625 and code 8, and width 0.25 and code 16" in line
    assert "--set width=0.015625 --set code=8" in line


def test_a_loss_that_is_no_number(failure, domains_folder, tmp_path, monkeypatch):
    from reference.ufdn import losses

    real = losses.label_inversion
    monkeypatch.setattr(losses, "label_inversion", lambda *one: real(*one) * float("nan"))
    arguments = ("--data", domains_folder, "--epochs", "2", *SETTINGS, "--out", tmp_path / "out")
    line = failure("train", "ufdn", *arguments)
    assert "feat_domain is no number any more" in line
    assert (tmp_path / "out" / "last_good.safetensors").is_file()
