"""Trainings: seeded, taken up to the bit, and stopped with one clear line."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch

from harness.cli.app import run
from harness.errors import DataError
from harness.method import TrainJob
from reference.simgan import METHOD
from reference.simgan.checkpoint import read_checkpoint
from reference.simgan.history import History
from reference.simgan.train import train
from reference.simgan.trainer import Trainer
from tests.reference.battery.training import NoFolds, TrainingBattery
from tests.reference.simgan.conftest import PICTURES, QUICK


class TestTraining(TrainingBattery, NoFolds):
    method = METHOD
    cuts = (0, 1, 2, 3)
    others: ClassVar = [({"seed": 1}, "seed"), ({"options": {"lr": "0.001"}}, "settings")]
    resized: ClassVar = [{"width": "0.1"}, {"blocks": "2"}]
    wrong: ClassVar = [*({"batch": text} for text in ("1", "0", "2.5", "many")), {"none": "1"}]

    def test_a_diverging_training_keeps_the_last_good_weights(self, job, monkeypatch):
        monkeypatch.setattr(Trainer, "run", diverging)
        self.diverges(job(), "step 15", "diverged at step 16: the realism")


def test_history_has_every_row_and_the_figures(trained):
    history = History.load(trained.parent)
    assert [row.step for row in history.rows] == [10, 15, 40, 45]
    assert set(history.metrics) == {"gaze_error_deg", "within_7_deg"}


def test_epochs_count_passes_over_the_synthetic_pictures(job):
    asked = job({"estimator_steps": "0"}, epochs=1)
    train(asked)
    assert History.load(asked.out).rows[-1].step == 10 + 5 + 64 // 4


def test_a_user_trains_without_labels(job, folders):
    checkpoint = read_checkpoint(train(job(data=folders)))
    assert checkpoint.networks.estimator is None
    assert checkpoint.width == 0.05


def test_a_start_from_other_weights_skips_what_comes_before_the_game(job, trained):
    asked = job(init=trained, out=trained.parent.parent / "next")
    train(asked)
    assert [row.phase for row in History.load(asked.out).rows] == ["game", "game"]


def test_the_same_picture_in_both_domains_is_refused(job, folders, tmp_path):
    for name in ("synthetic", "real"):
        (tmp_path / "both" / name).mkdir(parents=True)
        for file in (folders / "real").iterdir():
            (tmp_path / "both" / name / file.name).write_bytes(file.read_bytes())
    asked = job(data=tmp_path / "both")
    with pytest.raises(DataError, match="same picture in both domains"):
        train(asked)
    assert not asked.out.exists()


def diverging(trainer: Trainer, start: int, stop: int, sound=Trainer.run):
    if start >= 15:
        with torch.no_grad():
            next(trainer.discriminator.parameters()).fill_(float("nan"))
    return sound(trainer, start, stop)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "batch=1"], "batch=1"),
        (["--data", "empty"], "no picture of the domain 'synthetic'"),
        (["--init", "nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys, arguments, said):
    for name in ("synthetic", "real"):
        (tmp_path / "empty" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert run(["train", "simgan", *arguments, "--out", "out"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()


def test_the_quick_settings_are_a_real_training(folders):
    # Guards the fixtures: the tests above would hold for no pictures, too.
    assert len(list((folders / "real").iterdir())) == PICTURES
    assert int(QUICK["steps"]) > 25
    assert np.isfinite(float(QUICK["width"]))
    assert TrainJob(out=folders).epochs is None
