"""`k210 run coin_classifier` as a user meets it, bad input included."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from harness.report.schema import read_report

COINS = Path(__file__).parent.parent.parent / "fixtures" / "coins"
QUICK = ("--epochs", "2", "--set", "size=96")


def zip_of(folder, path, prefix="", leave_out=lambda _: False):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.jpg")):
            name = file.relative_to(folder).as_posix()
            if not leave_out(name):
                archive.write(file, prefix + name)
    return path


@pytest.mark.sim
def test_photographs_in_model_and_report_out(k210_command, tmp_path):
    photos = zip_of(COINS, tmp_path / "photos.zip")
    out = tmp_path / "runs" / "coins"
    ended = k210_command("run", "coin_classifier", "--data", photos, "--out", out, *QUICK, "--json")
    assert ended.code in (0, 1), ended.err
    report = read_report(out)
    assert ended.json()["run_id"] == report.run_id
    assert report.data.items == 15
    assert set(report.backends) == {"float", "nncase"}
    assert report.comparisons[0].cosine > 0.9
    for name in ("checkpoint.safetensors", "model.kmodel", "model.onnx", "report.html"):
        assert (out / name).stat().st_size
    assert len((out / "items.jsonl").read_text().splitlines()) == 15
    for path in report.artefacts.values():
        assert (out / path).is_file()
    again = k210_command("run", "coin_classifier", "--data", photos, "--out", out, *QUICK, "--json")
    assert again.code == ended.code, again.err
    assert again.json()["comparisons"] == ended.json()["comparisons"]


def bad_class_of_34(tmp_path):
    return zip_of(COINS, tmp_path / "p.zip", leave_out=lambda name: name == "train/1/1.jpg")


def bad_enclosing_folder(tmp_path):
    return zip_of(COINS, tmp_path / "p.zip", prefix="upload/")


def bad_truncated(tmp_path):
    path = zip_of(COINS, tmp_path / "p.zip")
    path.write_bytes(path.read_bytes()[:-5000])
    return path


def bad_picture(tmp_path):
    path = zip_of(COINS, tmp_path / "p.zip", leave_out=lambda name: name == "train/1/1.jpg")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("train/1/1.jpg", (COINS / "train/1/2.jpg").read_bytes()[:700])
    return path


def bad_path(tmp_path):
    return tmp_path / "nowhere.zip"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (bad_class_of_34, "34"),
        (bad_enclosing_folder, "Train or Valid folder not found"),
        (bad_truncated, "p.zip"),
        (bad_picture, "train/1/1.jpg"),
        (bad_path, "nowhere.zip"),
    ],
)
def test_bad_photographs_are_one_line_and_leave_no_result(k210_command, tmp_path, make, said):
    out = tmp_path / "out"
    line = k210_command(
        "run", "coin_classifier", "--data", make(tmp_path), "--out", out
    ).error_line()
    assert said in line
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "no_such_method"], "no method called 'no_such_method'"),
        (["run", "coin_classifier", "--set", "width=0.3"], "width"),
        (["run", "coin_classifier", "--set", "colour=red"], "colour"),
        (["run", "coin_classifier", "--set", "width"], "NAME=VALUE"),
        (["run", "coin_classifier", "--folds", "1"], "--folds 1"),
        (["run", "coin_classifier", "--backends", "float,magic"], "magic"),
        (["run", "coin_classifier", "--checkpoint", "nowhere.safetensors"], "nowhere.safetensors"),
        (["run", "coin_classifier", "--init", "nowhere.safetensors"], "nowhere.safetensors"),
        (["train", "coin_classifier", "--device", "cuda:99"], "cuda:99"),
    ],
)
def test_wrong_options_are_one_line(k210_command, tmp_path, arguments, said):
    assert said in k210_command(*arguments, "--out", tmp_path / "out").error_line()
    assert not (tmp_path / "out").exists()


def test_a_strangers_folder_is_refused_before_training(k210_command, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    line = k210_command("run", "coin_classifier", "--out", tmp_path).error_line()
    assert "exists and is not a run" in line
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_methods_lists_the_classifier_with_its_options(k210_command):
    infos = {info["name"]: info for info in k210_command("methods", "--json").json()}
    info = infos["coin_classifier"]
    assert info["options"]["width"]["default"] == 0.25
    assert "width" in k210_command("methods", "coin_classifier").out


def test_interrupted_training_goes_on_where_it_stopped(tmp_path):
    """Ctrl-C in the middle, then the same command: the same weights as without the break."""
    command = [sys.executable, "-c", "from harness.cli import main; main()", "train"]
    command += ["coin_classifier", "--epochs", "20", "--set", "size=96"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    process = subprocess.Popen(
        [*command, "--out", broken], env=environment, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not list(broken.glob("*state*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err
    for out in (broken, whole):
        subprocess.run([*command, "--out", out], env=environment, check=True, capture_output=True)
    name = "checkpoint.safetensors"
    assert (broken / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.sim
def test_doctor_finds_everything_well(k210_command):
    ended = k210_command("doctor", "--json")
    assert ended.code == 0
    assert all(finding["well"] for finding in json.loads(ended.out))
