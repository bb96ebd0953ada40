"""Trainings: seeded and taken up to the bit, stopped early, started from other weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import ClassVar

import pytest
import torch

from harness.method import Fold
from reference.coin_classifier import METHOD, trainer
from reference.coin_classifier.checkpoint import read_checkpoint
from reference.coin_classifier.history import History
from reference.coin_classifier.train import train
from tests.reference.battery.listener import Listener
from tests.reference.battery.training import TrainingBattery


def weights(path) -> dict[str, torch.Tensor]:
    return read_checkpoint(path).weights


class TestTraining(TrainingBattery):
    method = METHOD
    others: ClassVar = [
        ({"seed": 1}, "seed"),
        ({"epochs": 3}, "epochs"),
        ({"options": {"lr": "0.001"}}, "settings"),
        ({"fold": Fold(0, 3)}, "data, fold"),
    ]
    resized: ClassVar = [{"width": "0.5"}]
    wrong: ClassVar = [{"width": "0.3"}, {"batch": "1"}, {"none": "1"}]

    def test_a_diverging_training_keeps_the_last_good_weights(self, job, monkeypatch):
        real, calls = trainer.soft_cross_entropy, []

        def broken(*values):
            calls.append(None)
            # Two steps an epoch.
            return real(*values) * (float("nan") if len(calls) > 3 else 1)

        monkeypatch.setattr(trainer, "soft_cross_entropy", broken)
        said = "diverged in epoch 2: its loss is no number"
        kept = read_checkpoint(self.diverges(job(), "epoch 1", said))
        assert kept.classes == ("bar", "disc")


def test_every_epoch_is_told_with_loss_and_accuracy(job):
    listener = Listener("Training")
    train(job(progress=listener))
    assert len(listener.notes) == 2
    assert "loss" in listener.notes[0]
    assert "accuracy" in listener.notes[0]


def test_training_stops_when_validation_gets_no_better(job):
    # Without any learning to speak of, the first epoch's validation loss is soon the lowest.
    listener = Listener("Training")
    options = {"lr": "1e-6", "average": "0", "patience": "2"}
    asked = job(options, epochs=30, progress=listener)
    train(asked)
    epochs = History.load(asked.out).epochs
    assert 3 <= len(epochs) < 30
    best = min(range(len(epochs)), key=lambda place: epochs[place].valid.loss)
    assert len(epochs) - 1 - best == 2
    assert f"after {len(epochs)} of 30" in listener.said[-1]


@pytest.mark.parametrize("names", [("bar", "disc"), ("bar", "disc", "bar")])
def test_a_start_from_other_classes_takes_all_but_the_head(
    job, tmp_path, photographs, names, trained
):
    renamed = tmp_path / "renamed"
    for number, name in enumerate(names, 1):
        shutil.copytree(photographs / name, renamed / str(number))
    listener = Listener("Training")
    asked = job(out=tmp_path / "next", data=renamed, init=trained, progress=listener)
    train(replace(asked, epochs=1))
    taken = [text for text in listener.said if "taken" in text]
    assert len(taken) == 1
    assert f"a new head for {len(names)} classes" in taken[0]


def test_a_start_from_the_same_classes_takes_the_head_too(job, tmp_path, trained):
    listener = Listener("Training")
    still = {"lr": "1e-6", "weight_decay": "0", "average": "0"}
    path = train(job(still, out=tmp_path / "next", init=trained, epochs=1, progress=listener))
    assert any("head too" in text for text in listener.said)
    before, after = weights(trained)["head.weight"], weights(path)["head.weight"]
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


def test_a_few_epochs_learn_to_tell_bars_from_discs(job):
    asked = job({"lr": "0.005", "batch": "8", "average": "0.8"}, epochs=10)
    train(asked)
    assert History.load(asked.out).final_valid.accuracy >= 0.8
