"""`k210 run ufdn` and `k210 train ufdn` as a user meets them, bad input included."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

from harness.cli.app import run
from harness.report.schema import read_report
from reference.ufdn import METHOD
from reference.ufdn.samples import write_samples
from tests.reference.ufdn.conftest import QUICK

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
def test_the_shipped_weights_run(tmp_path, capsys):
    out = tmp_path / "run"
    assert run(["run", "ufdn", "--out", str(out), "--json"]) == 0, capsys.readouterr().err
    report = read_report(out)
    assert json.loads(capsys.readouterr().out)["run_id"] == report.run_id
    assert report.verdict == "pass"
    assert report.backends["nncase"].metrics["accuracy"] > 0.9
    for name in ("model.kmodel", "model.v4.kmodel", "translated.png", "checkpoint.safetensors"):
        assert (out / name).stat().st_size
    assert not (out / "training").exists()


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


def test_a_picture_that_is_none(failure, domains_folder, tmp_path):
    shutil.copytree(domains_folder, tmp_path / "data")
    (tmp_path / "data" / "target" / "bar" / "0.png").write_bytes(b"no picture")
    line = failure("train", "ufdn", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert "target/bar/0.png" in line


def test_a_checkpoint_of_another_width(failure, domains_folder, trained, tmp_path):
    arguments = ("train", "ufdn", "--data", domains_folder, "--init", trained)
    line = failure(*arguments, "--set", "width=0.25", "--out", tmp_path / "out")
    assert "width 0.015625, and width 0.25 was asked for" in line


def test_a_loss_that_is_no_number(failure, domains_folder, tmp_path, monkeypatch):
    from reference.ufdn import losses

    real = losses.label_inversion
    monkeypatch.setattr(losses, "label_inversion", lambda *one: real(*one) * float("nan"))
    arguments = ("--data", domains_folder, "--epochs", "2", *SETTINGS, "--out", tmp_path / "out")
    line = failure("train", "ufdn", *arguments)
    assert "feat_domain is no number any more" in line
    assert (tmp_path / "out" / "last_good.safetensors").is_file()
