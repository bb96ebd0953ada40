"""Trainings: repeatable, resumable, and stopped with the reason where they go wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from harness.errors import DataError
from reference.dtn import METHOD, losses
from reference.dtn.checkpoint import read_checkpoint
from reference.dtn.data import load_domains
from reference.dtn.metrics import judged
from reference.dtn.settings import VARIANTS, Settings
from reference.dtn.train import train
from reference.dtn.trainer import Trainer
from reference.training.record import FILE_NAME as HISTORY_NAME
from tests.reference.battery.training import NoFolds, TrainingBattery


class TestTraining(TrainingBattery, NoFolds):
    method = METHOD
    title = "Training full DTN"
    others: ClassVar = [
        ({"seed": 3}, "seed"),
        ({"epochs": 5}, "epochs"),
        ({"options": {"alpha": "1"}}, "settings"),
    ]
    resized: ClassVar = [{"width": "0.0625"}]
    wrong: ClassVar = [
        {"batch": "1"},
        {"width": "0"},
        {"variant": "half"},
        {"lr": "x"},
        {"nothing": "1"},
    ]

    @pytest.mark.parametrize("term", ["l_gang", "l_const", "l_tid", "l_tv", "l_d"])
    def test_a_term_that_is_no_number_stops_and_keeps_the_last_good_weights(
        self, job, monkeypatch, term
    ):
        real, calls = getattr(losses, term), []

        def broken(*batches):
            calls.append(None)
            return real(*batches) * (float("nan") if len(calls) > 3 else 1)

        monkeypatch.setattr(losses, term, broken)
        said = f"in epoch 2: L_{term[2:].upper()} is no number"
        kept = read_checkpoint(self.diverges(job(), "epoch 1", said))
        assert kept.transfer()(torch.zeros(1, 3, 32, 32)).isfinite().all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_trains_and_is_told_in_its_own_terms(job, variant):
    found = read_checkpoint(train(job({"variant": variant})))
    terms = json.loads((job().out / HISTORY_NAME).read_text())["epochs"][-1]
    plain = {"R_GAN", "R_GAN of G", "R_CONST"}
    ours = {"L_D", "L_GANG", "L_CONST", "L_TID", "L_TV"}
    assert set(terms) == (plain if variant == "baseline" else ours)
    assert found.variant == variant
    assert {"accuracy", "f_constancy", "f_accuracy", "raw_accuracy"} <= set(found.metrics)


def test_variants_leave_out_what_they_say():
    weights = {name: Settings(variant=name, gamma=1.0).weights for name in VARIANTS}
    assert weights["full"] == losses.Weights(15, 15, 1)
    assert weights["no_tid"] == losses.Weights(15, 0, 1)
    assert weights["no_const"] == losses.Weights(0, 15, 1)
    assert weights["baseline"] == losses.Weights(15, 0, 0)


def test_g_learns_and_f_does_not(job, domains_folder):
    domains, settings = load_domains(domains_folder), Settings.parse(job({"lr": "0.01"}).options)
    f = read_checkpoint(train(job())).classifier().encoder
    before = {name: tensor.clone() for name, tensor in f.state_dict().items()}
    trainer = Trainer(f, domains, settings, 0, "cpu")
    first = trainer.run_epoch(0)
    for epoch in range(1, 30):
        last = trainer.run_epoch(epoch)
    assert last["L_TID"] < 0.6 * first["L_TID"]
    assert all(torch.equal(before[name], now) for name, now in f.state_dict().items())


def test_a_domain_smaller_than_the_other_is_gone_through_again(job, domains_folder):
    domains, settings = load_domains(domains_folder), Settings.parse(job().options)
    few = replace(domains, target=replace_first(domains.target, 3))
    trainer = Trainer(read_checkpoint(train(job())).classifier().encoder, few, settings, 0, "cpu")
    assert trainer.batch == 3
    seen = torch.cat(trainer._order(trainer._target, torch.Generator().manual_seed(0)))
    assert torch.bincount(seen).tolist() == [trainer.steps] * 3


@pytest.mark.parametrize(
    ("domain", "shape"), [("source", (4, 1, 32, 32)), ("target", (4, 1, 28, 28))]
)
def test_pictures_of_another_mode_or_size_are_refused(job, trained, domains_folder, domain, shape):
    domains, settings = load_domains(domains_folder), Settings.parse(job().options)
    side = replace(getattr(domains, domain), images=np.zeros(shape, np.uint8))
    f = read_checkpoint(trained).classifier().encoder
    with pytest.raises(DataError, match="DTN takes uint8"):
        Trainer(f, replace(domains, **{domain: side}), settings, 0, "cpu")


def replace_first(side, count):
    return replace(
        side, ids=side.ids[:count], images=side.images[:count], labels=side.labels[:count]
    )


def test_starting_from_a_checkpoint_takes_f_and_g(job, trained, tmp_path):
    source = read_checkpoint(trained)
    found = read_checkpoint(train(job(out=tmp_path / "next", init=trained, epochs=1)))
    for name, tensor in source.weights.items():
        if name.startswith(("f.", "judge.")):
            assert torch.equal(found.weights[name], tensor)
    assert found.job["init"] is not None


def test_a_source_without_classes_needs_an_f(job, trained, domains_folder, tmp_path):
    flat = tmp_path / "flat"
    for domain in ("source", "target"):
        (flat / domain).mkdir(parents=True)
        for path in (domains_folder / domain).rglob("*.png"):
            (flat / domain / f"{path.parent.name}{path.name}").write_bytes(path.read_bytes())
    with pytest.raises(DataError, match="S has 0 classes"):
        train(job(data=flat))
    found = read_checkpoint(train(job(data=flat, init=trained)))
    assert found.classes == ("bar", "disc")
    assert set(found.metrics) == {"f_constancy"}


def test_metrics_are_those_of_the_test_side(trained, domains_folder):
    found, domains = read_checkpoint(trained), load_domains(domains_folder)
    again = judged(
        found.classifier(),
        found.transfer(),
        found.judge(),
        domains.source_test,
        domains.target_test,
    )
    assert again == pytest.approx(found.metrics)
    assert np.isfinite(list(again.values())).all()
