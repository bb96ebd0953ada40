"""Trainings: repeatable, resumable, and stopped with the reason where they go wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.errors import DataError, MethodError
from harness.method import Fold
from reference.dtn import losses
from reference.dtn.checkpoint import read_checkpoint
from reference.dtn.data import load_domains
from reference.dtn.metrics import judged
from reference.dtn.settings import VARIANTS, Settings
from reference.dtn.train import train
from reference.dtn.trainer import Trainer
from reference.training.folder import LAST_GOOD_NAME, STATE_NAME
from reference.training.record import FILE_NAME as HISTORY_NAME


class PowerCutError(Exception):
    pass


def stop_after(monkeypatch, epochs: int) -> None:
    """Make the epoch after so many end as a power cut would."""
    run = Trainer.run_epoch

    def interrupted(self, number):
        if number == epochs:
            raise PowerCutError
        return run(self, number)

    monkeypatch.setattr(Trainer, "run_epoch", interrupted)


def test_the_same_training_gives_the_same_bytes(job, tmp_path):
    first = train(job(out=tmp_path / "a")).read_bytes()
    assert train(job(out=tmp_path / "b")).read_bytes() == first
    assert train(job(out=tmp_path / "c", seed=1)).read_bytes() != first


@pytest.mark.parametrize("done", [0, 1])
def test_an_interrupted_training_ends_in_the_same_bytes(job, tmp_path, monkeypatch, done):
    with monkeypatch.context() as patch:
        stop_after(patch, done)
        with pytest.raises(PowerCutError):
            train(job())
    assert (job().out / STATE_NAME).is_file()
    resumed = train(job())
    assert resumed.read_bytes() == train(job(out=tmp_path / "whole")).read_bytes()
    assert not (job().out / STATE_NAME).exists()
    assert len(json.loads((job().out / HISTORY_NAME).read_text())["epochs"]) == 2


def test_a_finished_training_is_not_repeated(job, monkeypatch):
    path = train(job())
    stop_after(monkeypatch, 0)
    assert train(job()) == path


@pytest.mark.parametrize("change", [{"seed": 3}, {"epochs": 5}, {"options": {"alpha": "1"}}])
def test_another_training_in_the_folder_is_refused(job, change):
    train(job())
    options = change.pop("options", None)
    with pytest.raises(MethodError, match="another training"):
        train(job(options, **change))


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


@pytest.mark.parametrize("term", ["l_gang", "l_const", "l_tid", "l_tv", "l_d"])
def test_a_term_that_is_no_number_stops_and_keeps_the_last_good_weights(job, monkeypatch, term):
    real, calls = getattr(losses, term), []

    def broken(*batches):
        calls.append(None)
        return real(*batches) * (float("nan") if len(calls) > 3 else 1)

    monkeypatch.setattr(losses, term, broken)
    with pytest.raises(MethodError) as raised:
        train(job())
    name = f"L_{term[2:].upper()}"
    assert f"in epoch 2: {name} is no number" in str(raised.value)
    assert "the weights of epoch 1 are kept in last_good.safetensors" in str(raised.value)
    assert "lr=" in raised.value.remedy
    kept = read_checkpoint(job().out / LAST_GOOD_NAME)
    assert all(tensor.isfinite().all() for tensor in kept.weights.values())
    assert not (job().out / "checkpoint.safetensors").exists()
    assert kept.transfer()(torch.zeros(1, 3, 32, 32)).isfinite().all()


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


def test_a_checkpoint_of_another_width_is_refused(job, trained):
    with pytest.raises(MethodError, match=r"width 0\.03125, and width 0\.0625 was asked for"):
        train(job({"width": "0.0625"}, init=trained))
    assert not job().out.exists()


def test_folds_are_refused(job):
    with pytest.raises(MethodError, match="no cross-validation"):
        train(job(fold=Fold(0, 2)))


@pytest.mark.parametrize(
    "options", [{"batch": "1"}, {"width": "0"}, {"variant": "half"}, {"lr": "x"}, {"nothing": "1"}]
)
def test_wrong_options_are_refused_before_anything_is_written(job, options):
    with pytest.raises(MethodError, match=next(iter(options))):
        train(job(options))
    assert not job().out.exists()


def test_a_damaged_state_is_named(job, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 1)
        with pytest.raises(PowerCutError):
            train(job())
    (job().out / STATE_NAME).write_bytes(b"no state")
    with pytest.raises(MethodError, match=r"state\.pt is damaged"):
        train(job())


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
