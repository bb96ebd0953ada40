"""Trainings: seeded, taken up to the bit, and stopped with one clear line."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch

from harness.errors import DataError
from reference.content_transfer import METHOD, losses
from reference.content_transfer.checkpoint import read_checkpoint
from reference.content_transfer.train import History, train
from reference.content_transfer.trainer import Trainer
from tests.reference.battery.training import NoFolds, TrainingBattery


class TestTraining(TrainingBattery, NoFolds):
    method = METHOD
    cuts = (1, 2)
    others: ClassVar = [({"seed": 1}, "seed"), ({"options": {"confusion": "0.1"}}, "settings")]
    resized: ClassVar = [{"width": "0.2"}, {"sep": "3"}, {"side": "128"}]
    wrong: ClassVar = [
        {"batch": "1"},
        {"batch": "many"},
        {"variant": "none"},
        {"side": "64"},
        {"sep": "19"},
    ]
    untrained = ("judge.", "probe.")

    def test_a_diverging_training_keeps_the_last_good_weights(self, job, monkeypatch):
        monkeypatch.setattr(Trainer, "run", diverging)
        self.diverges(job(), "step 50", "diverged at step 51: L_DC")

    def test_a_training_that_diverges_at_once_keeps_its_start(self, job, monkeypatch):
        nan = float("nan")
        monkeypatch.setattr(losses, "l_rec_b", lambda made, _: made.mean() * nan)
        self.diverges(job(), "step 0", "step 1: L_rec^B is no number")


def test_history_and_checkpoint_have_terms_and_figures(trained):
    history, checkpoint = History.load(trained.parent), read_checkpoint(trained)
    assert [row.step for row in history.rows] == [50, 100, 120]
    assert set(history.rows[0].terms) == {"L_rec^A", "L_rec^B", "L_DC", "L_D"}
    assert history.metrics == checkpoint.metrics
    assert {"content_iou", "probe_accuracy", "own_guide"} <= set(checkpoint.metrics)
    # So short a training learns something already.
    assert history.rows[-1].terms["L_rec^A"] < history.rows[0].terms["L_rec^A"]


def test_epochs_count_passes_over_the_larger_domain(job):
    asked = job(epochs=1)
    train(asked)
    assert History.load(asked.out).rows[-1].step == 64 // 4


def test_the_authors_layers_are_trained_by_the_same_code(job):
    checkpoint = read_checkpoint(train(job({"side": "128", "width": "0.05", "steps": "1"})))
    assert (checkpoint.side, checkpoint.structure.norm) == (128, "instance")
    assert "content_iou" in checkpoint.metrics


def test_a_user_trains_on_pictures_of_which_no_truth_is_known(job, folders):
    checkpoint = read_checkpoint(train(job({"steps": "2"}, data=folders)))
    assert "content_iou" not in checkpoint.metrics
    assert {"transferred_judged_content", "plain_rmse"} <= set(checkpoint.metrics)


def test_a_start_from_other_weights_is_taken(job, trained, tmp_path):
    asked = job({"steps": "1", "lr": "1e-7"}, init=trained, out=tmp_path / "next")
    source, found = read_checkpoint(trained), read_checkpoint(train(asked))
    for old, new in zip(source.networks.parameters(), found.networks.parameters(), strict=True):
        torch.testing.assert_close(old, new, atol=1e-5, rtol=1e-5)
    assert found.job["init"] is not None


def test_data_that_are_nowhere_are_refused_before_anything_is_written(job, tmp_path):
    asked = job(data=tmp_path / "nowhere")
    with pytest.raises(DataError):
        train(asked)
    assert not asked.out.exists()


def diverging(trainer: Trainer, start: int, stop: int, sound=Trainer.run):
    if start >= 50:
        with torch.no_grad():
            next(trainer.discriminator.parameters()).fill_(float("nan"))
    return sound(trainer, start, stop)
