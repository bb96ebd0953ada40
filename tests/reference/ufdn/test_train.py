"""Trainings: repeatable, resumable, and stopped with the reason where they go wrong."""

from __future__ import annotations

import shutil
from typing import ClassVar

import pytest
import torch

from harness.errors import DataError, MethodError
from reference.ufdn import METHOD, losses
from reference.ufdn.checkpoint import read_checkpoint
from reference.ufdn.data import load_domains
from reference.ufdn.metrics import judged
from reference.ufdn.train import BEST_NAME, History, train
from tests.reference.battery.training import NoFolds, TrainingBattery


class TestTraining(TrainingBattery, NoFolds):
    method = METHOD
    title = "Training UFDN, full"
    others: ClassVar = [
        ({"seed": 3}, "seed"),
        ({"epochs": 5}, "epochs"),
        ({"options": {"kl": "1"}}, "settings"),
    ]
    resized: ClassVar = [{"width": "0.03125"}, {"code": "12"}, {"kernel": "4"}]
    wrong: ClassVar = [
        {"batch": "1"},
        {"width": "0"},
        {"variant": "half"},
        {"lr": "x"},
        {"side": "48"},
        {"a": "1"},
    ]

    def test_an_interrupted_training_on_pictures_ends_in_the_same_bytes(
        self, job, trained_on_pictures
    ):
        asked = job({"form": "images"})
        self.cut_off(asked)
        assert train(asked).read_bytes() == trained_on_pictures.read_bytes()

    @pytest.mark.parametrize(
        ("term", "name"),
        [
            ("feature_discriminator", "D_feat"),
            ("reconstruction", "pix_recon"),
            ("kl_divergence", "kl"),
            ("label_inversion", "feat_domain"),
            ("digit_classification", "digit"),
            ("pixel_critic", "D_pix"),
            ("gradient_penalty", "gp"),
            ("pixel_adversary", "pix_adv"),
        ],
    )
    def test_a_term_that_is_no_number_stops_and_keeps_the_last_good_weights(
        self, job, monkeypatch, term, name
    ):
        pixels = name in ("D_pix", "gp", "pix_adv")
        real, calls = getattr(losses, term), []

        def broken(*values, **more):
            calls.append(None)
            return real(*values, **more) * (float("nan") if len(calls) > 3 else 1)

        monkeypatch.setattr(losses, term, broken)
        asked = job({"form": "images"} if pixels else {})
        # Two steps an epoch.
        kept = self.diverges(asked, "epoch 1", f"at step 4: {name} is no number")
        assert read_checkpoint(kept).vae().code(torch.zeros(1, 3, 32, 32)).isfinite().all()


@pytest.mark.parametrize(
    ("options", "terms"),
    [
        ({}, {"D_feat", "pix_recon", "kl", "feat_domain", "digit"}),
        ({"adversary": "reversal"}, {"D_feat", "pix_recon", "kl", "feat_domain", "digit"}),
        ({"variant": "no_adversary"}, {"pix_recon", "kl", "digit"}),
        ({"variant": "source_only"}, {"digit"}),
        (
            {"form": "images", "penalty": "pixel"},
            {"D_feat", "D_pix", "gp", "D_pix domain"}
            | {"pix_recon", "kl", "feat_domain", "pix_adv", "pix_clf"},
        ),
    ],
)
def test_every_form_is_told_in_its_own_terms(job, options, terms):
    found = read_checkpoint(train(job(options, epochs=1)))
    history = History.load(job().out)
    assert set(history.epochs[-1]) == terms
    assert {"domain_linear", "domain_mlp", "pix_recon"} <= set(found.metrics)
    adapting = "form" not in options
    assert bool(found.classes) == adapting == ("accuracy" in found.metrics)
    assert ("best_accuracy" in found.metrics) == adapting == bool(history.accuracies)


def test_last_and_best_are_both_kept(trained):
    history, last = History.load(trained.parent), read_checkpoint(trained)
    best = read_checkpoint(trained.parent / BEST_NAME)
    assert len(history.accuracies) == 2
    assert last.metrics["accuracy"] == pytest.approx(history.accuracies[-1])
    assert last.metrics["best_accuracy"] == pytest.approx(max(history.accuracies))
    assert best.metrics["accuracy"] == pytest.approx(max(history.accuracies))
    epoch = int(last.metrics["best_epoch"])
    assert history.accuracies[epoch - 1] == max(history.accuracies)


def test_metrics_are_those_of_the_test_side(trained, domains_folder):
    found = read_checkpoint(trained)
    domains = load_domains(domains_folder, found.settings)
    again = judged(found.vae(), found.head(), domains)
    assert again == pytest.approx({name: found.metrics[name] for name in again})


def test_starting_from_a_checkpoint_takes_its_weights(job, trained, tmp_path):
    asked = job({"lr": "1e-6", "decay": "0"}, out=tmp_path / "next", init=trained, epochs=1)
    found, source = read_checkpoint(train(asked)), read_checkpoint(trained)
    assert found.job["init"] is not None
    for name, weight in found.head().state_dict().items():
        torch.testing.assert_close(weight, source.head().state_dict()[name], atol=1e-4, rtol=0)


def test_a_checkpoint_of_more_domains_is_refused(job, trained, domains_folder, tmp_path):
    shutil.copytree(domains_folder, tmp_path / "data")
    shutil.copytree(domains_folder / "target", tmp_path / "data" / "third")
    with pytest.raises(MethodError, match="knows 2 domains, and the data have 3"):
        train(job(init=trained, data=tmp_path / "data"))


def test_three_domains_and_another_look(job, domains_folder, tmp_path):
    shutil.copytree(domains_folder, tmp_path / "data")
    shutil.copytree(domains_folder / "target", tmp_path / "data" / "third")
    found = read_checkpoint(train(job({"look": "2"}, data=tmp_path / "data", epochs=1)))
    assert found.domains == ("source", "target", "third")
    assert found.structure.domains == 3


def test_looks_and_data_that_there_are_not_are_refused(job):
    with pytest.raises(MethodError, match="no domain with the place 2"):
        train(job({"look": "2"}))
    with pytest.raises(DataError, match="does not exist"):
        train(job(data=job().out / "nowhere"))
    assert not job().out.exists()
