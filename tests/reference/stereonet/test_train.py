"""Trainings: repeatable, resumable, and stopped with the reason where they go wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from reference.stereonet import METHOD, losses
from reference.stereonet.checkpoint import read_checkpoint
from reference.stereonet.data import Pairs, load_sides, rendered
from reference.stereonet.metrics import judged
from reference.stereonet.settings import Settings
from reference.stereonet.train import History, train
from reference.stereonet.trainer import Trainer
from tests.reference.battery.training import NoFolds, TrainingBattery


class TestTraining(TrainingBattery, NoFolds):
    method = METHOD
    title = "Training StereoNet"
    others: ClassVar = [
        ({"seed": 3}, "seed"),
        ({"epochs": 5}, "epochs"),
        ({"options": {"lr": "0.001"}}, "settings"),
    ]
    resized: ClassVar = [
        {"width": "0.125"},
        {"levels": "3"},
        {"refinement": "single"},
        {"disparities": "16"},
    ]
    wrong: ClassVar = [{"batch": "0"}, {"width": "0"}, {"levels": "5"}, {"lr": "x"}, {"none": "1"}]

    @pytest.mark.parametrize("level", [0, 2])
    def test_a_term_that_is_no_number_stops_and_keeps_the_last_good_weights(
        self, job, monkeypatch, level
    ):
        real, calls = losses.level_losses, []

        def broken(levels, truth, valid):
            terms = real(levels, truth, valid)
            calls.append(None)
            if len(calls) > 4 and f"L_{level}" in terms:
                terms[f"L_{level}"] = terms[f"L_{level}"] * float("nan")
            return terms

        monkeypatch.setattr(losses, "level_losses", broken)
        said = f"L_{level} is no number any more"
        kept = read_checkpoint(self.diverges(job(epochs=3), "epoch 1", said))
        assert kept.network()(*torch.zeros(2, 1, 3, 32, 64))[-1].isfinite().all()


def test_while_the_refiners_wait_the_history_has_the_volumes_loss_only(trained):
    epochs = History.load(trained.parent).epochs
    assert [sorted(terms) for terms in epochs] == [["L_0"], ["L_0", "L_1", "L_2"]]


@pytest.mark.parametrize(
    "options", [{"levels": "4"}, {"levels": "3"}, {"refinement": "single"}, {"crop": "1"}]
)
def test_every_kind_of_network_trains(job, options):
    found = read_checkpoint(train(job(options)))
    levels = found.structure.refiners + 1
    assert {"epe", "bad_1", "bad_2", "bad_3"} <= set(found.metrics)
    assert [f"epe_{number}" in found.metrics for number in range(levels)] == [True] * levels
    assert found.metrics["epe"] == found.metrics[f"epe_{levels - 1}"]
    assert np.isfinite(list(found.metrics.values())).all()


def test_the_network_learns(monkeypatch):
    settings = Settings(width=0.25, levels=3, coarse_epochs=10)
    trainer = Trainer(rendered(16, 32), settings, 1, 0, "cpu")
    first = trainer.run_epoch(0)
    for epoch in range(1, 10):
        last = trainer.run_epoch(epoch)
    assert last["L_0"] < 0.8 * first["L_0"]
    before = {name: one.clone() for name, one in trainer.network.refiners.named_parameters()}
    trainer.run_epoch(10)
    moved = dict(trainer.network.refiners.named_parameters())
    assert any(not torch.equal(before[name], moved[name]) for name in before)


def test_refiners_wait_while_the_tower_learns():
    trainer = Trainer(rendered(4, 32), Settings(width=1 / 16, coarse_epochs=1), 1, 0, "cpu")
    before = {name: one.clone() for name, one in trainer.network.named_parameters()}
    trainer.run_epoch(0)
    for name, now in trainer.network.named_parameters():
        assert torch.equal(before[name], now) == name.startswith("refiners"), name


def test_the_rate_falls_for_the_refiners_from_their_own_first_step_on():
    trainer = Trainer(rendered(4, 32), Settings(coarse_epochs=2, decay=0.25, lr=1.0), 2, 0, "cpu")
    rates = []
    for passed in (0, 1, 2, 3, 4):
        trainer._set_rate(passed)
        rates.append([group["lr"] for group in trainer._optimizer.param_groups])
    coarse, refiners = zip(*rates, strict=True)
    assert coarse == pytest.approx([1, 0.25**0.25, 0.5, 0.25**0.75, 0.25])
    assert refiners == pytest.approx([1, 1, 1, 0.5, 0.25])


def test_windows_hold_what_is_known():
    """A single known pixel a pair: refiners learn from windows that have it."""
    pairs = rendered(4, 32)
    sparse = np.zeros_like(pairs.disparity)
    sparse[:, :, 5, 180] = 9
    few = Pairs(pairs.ids, pairs.left, pairs.right, sparse)
    trainer = Trainer(few, Settings(width=1 / 16, coarse_epochs=0, crop=3), 1, 0, "cpu")
    assert all(np.isfinite(value) for value in trainer.run_epoch(0).values())


def test_a_checkpoint_can_be_started_from(job, trained, tmp_path):
    found = read_checkpoint(train(job(out=tmp_path / "next", init=trained)))
    assert found.job["init"] is not None
    fresh = read_checkpoint(train(job(out=tmp_path / "fresh")))
    assert not torch.equal(
        found.weights["tower.body.0.weight"], fresh.weights["tower.body.0.weight"]
    )


def test_a_batch_of_one_trains(job):
    """The paper's own batch: norms have many pixels to norm."""
    assert train(job({"batch": "1"})).is_file()


def test_the_users_pairs_teach(job, pairs_folder):
    found = read_checkpoint(train(job(data=pairs_folder)))
    assert np.isfinite(found.metrics["epe"])


def test_pairs_without_disparity_are_learnt_for(job, blind_folder):
    found = read_checkpoint(train(job(data=blind_folder)))
    assert found.metrics == {}


def test_metrics_are_those_of_the_judging_pairs(trained):
    found = read_checkpoint(trained)
    test = load_sides(None, Settings(pairs=8)).test
    again = judged(found.network(), test.left, test.right, test.disparity)
    assert again == pytest.approx(found.metrics, rel=1e-4)


def test_what_is_kept_is_the_running_average():
    pairs, settings = rendered(8, 32), Settings(width=1 / 16, pairs=8, coarse_epochs=1)
    trainer = Trainer(pairs, settings, 1, 0, "cpu")
    for epoch in range(2):
        trainer.run_epoch(epoch)
    plain = Trainer(pairs, replace(settings, average=0.0), 1, 0, "cpu")
    for epoch in range(2):
        plain.run_epoch(epoch)
    moved = 0
    for name, learnt in trainer.network.state_dict().items():
        # What learns takes no notice of the average.
        assert torch.equal(learnt, plain.network.state_dict()[name]), name
        assert torch.equal(learnt, plain.average.state_dict()[name]), name
        moved += not torch.equal(learnt, trainer.average.state_dict()[name])
    assert moved > 10
