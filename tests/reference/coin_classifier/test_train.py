"""Trainings: seeded and taken up to the bit, stopped early, started from other weights."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.errors import MethodError
from harness.method import Fold
from reference.coin_classifier.checkpoint import read_checkpoint
from reference.coin_classifier.history import History
from reference.coin_classifier.train import train
from reference.training.folder import STATE_NAME


class Listener:
    """Keeps what a training says, and interrupts it after so many epochs."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.said: list[str] = []
        self.notes: list[str] = []
        self._interrupt_after = interrupt_after

    @contextmanager
    def task(self, title: str, total: int | None):
        yield self if title == "Training" else Listener()

    def advance(self, steps: int = 1, note: str = "") -> None:
        if note:
            self.notes.append(note)
        if len(self.notes) == self._interrupt_after:
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        self.said.append(text)


def weights(path) -> dict[str, torch.Tensor]:
    return read_checkpoint(path).weights


def test_the_same_seed_gives_the_same_file(job, tmp_path):
    torch.manual_seed(1)
    first = train(job(out=tmp_path / "a")).read_bytes()
    torch.manual_seed(2)
    assert train(job(out=tmp_path / "b")).read_bytes() == first


def test_another_seed_gives_other_weights(job, tmp_path):
    first, second = (train(job(out=tmp_path / str(seed), seed=seed)) for seed in (0, 1))
    assert not torch.equal(weights(first)["head.weight"], weights(second)["head.weight"])


def test_a_training_leaves_the_callers_random_stream_alone(job):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(job(epochs=1))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("after", [1, 3])
def test_an_interrupted_training_ends_in_the_same_bytes(job, tmp_path, after):
    whole = train(job(out=tmp_path / "whole", epochs=4)).read_bytes()
    interrupted = job(epochs=4, progress=Listener(interrupt_after=after))
    with pytest.raises(KeyboardInterrupt):
        train(interrupted)
    assert (interrupted.out / STATE_NAME).is_file()
    listener = Listener()
    assert train(replace(interrupted, progress=listener)).read_bytes() == whole
    assert f"after epoch {after}" in listener.said[-1]
    assert len(listener.notes) == 4 - after
    assert not (interrupted.out / STATE_NAME).exists()


def test_every_epoch_is_told_with_loss_and_accuracy(job):
    listener = Listener()
    train(job(progress=listener))
    assert len(listener.notes) == 2
    assert "loss" in listener.notes[0]
    assert "accuracy" in listener.notes[0]


def test_a_finished_training_is_returned_at_once(job):
    listener = Listener()
    path = train(job())
    before = path.stat().st_mtime_ns
    assert train(job(progress=listener)) == path
    assert path.stat().st_mtime_ns == before
    assert listener.notes == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"epochs": 3}, "epochs"),
        ({"options": {"lr": "0.001"}}, "settings"),
        ({"fold": Fold(0, 3)}, "data, fold"),
    ],
)
def test_another_training_in_the_folder_is_refused(job, changes, named):
    path = train(job(epochs=1))
    with pytest.raises(MethodError, match=f"another training: {named}"):
        train(job(**{"epochs": 1, **changes}))
    assert path.is_file()


def test_another_interrupted_training_is_refused(job):
    with pytest.raises(KeyboardInterrupt):
        train(job(progress=Listener(interrupt_after=1)))
    with pytest.raises(MethodError, match="another training: seed"):
        train(job(seed=1))


def test_a_damaged_state_is_named(job):
    unfinished = job()
    unfinished.out.mkdir()
    (unfinished.out / STATE_NAME).write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(MethodError, match=STATE_NAME):
        train(unfinished)


def test_training_stops_when_validation_gets_no_better(job):
    # Without any learning to speak of, the first epoch's validation loss is soon the lowest.
    listener = Listener()
    options = {"lr": "1e-6", "average": "0", "patience": "2"}
    asked = job(options, epochs=30, progress=listener)
    train(asked)
    epochs = History.load(asked.out).epochs
    assert 3 <= len(epochs) < 30
    best = min(range(len(epochs)), key=lambda place: epochs[place].valid.loss)
    assert len(epochs) - 1 - best == 2
    assert f"after {len(epochs)} of 30" in listener.said[-1]


def test_a_diverging_training_is_named(job, trained, tmp_path):
    with pytest.raises(MethodError, match="diverged") as caught:
        train(job(init=poisoned(trained, tmp_path)))
    assert "lr" in caught.value.remedy


def poisoned(checkpoint: Path, folder: Path) -> Path:
    """Write a start that no training recovers from: weights that are no numbers."""
    source = read_checkpoint(checkpoint)
    source.weights["head.weight"].fill_(float("nan"))
    target = folder / "poisoned.safetensors"
    source.save(target)
    return target


@pytest.mark.parametrize("names", [("bar", "disc"), ("bar", "disc", "bar")])
def test_a_start_from_other_classes_takes_all_but_the_head(
    job, tmp_path, photographs, names, trained
):
    renamed = tmp_path / "renamed"
    for number, name in enumerate(names, 1):
        shutil.copytree(photographs / name, renamed / str(number))
    listener = Listener()
    asked = job(out=tmp_path / "next", data=renamed, init=trained, progress=listener)
    train(replace(asked, epochs=1))
    taken = [text for text in listener.said if "taken" in text]
    assert len(taken) == 1
    assert f"a new head for {len(names)} classes" in taken[0]


def test_a_start_from_the_same_classes_takes_the_head_too(job, tmp_path, trained):
    listener = Listener()
    still = {"lr": "1e-6", "weight_decay": "0", "average": "0"}
    path = train(job(still, out=tmp_path / "next", init=trained, epochs=1, progress=listener))
    assert any("head too" in text for text in listener.said)
    before, after = weights(trained)["head.weight"], weights(path)["head.weight"]
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


def test_a_start_of_another_width_is_refused(job, tmp_path, trained):
    with pytest.raises(MethodError, match=r"width 0\.25") as caught:
        train(job({"width": "0.5"}, out=tmp_path / "next", init=trained))
    assert "width=0.25" in caught.value.remedy
    assert not (tmp_path / "next").exists()


@pytest.mark.parametrize("content", [None, b"no checkpoint"])
def test_a_start_that_is_no_checkpoint_is_refused(job, tmp_path, content):
    path = tmp_path / "weights.safetensors"
    if content:
        path.write_bytes(content)
    with pytest.raises(MethodError, match=path.name):
        train(job(init=path))


def test_the_checkpoint_says_what_made_it(job):
    checkpoint = read_checkpoint(train(job(seed=3)))
    assert checkpoint.classes == ("bar", "disc")
    assert (checkpoint.width, checkpoint.size) == (0.25, 96)
    assert checkpoint.job["seed"] == 3
    assert checkpoint.job["settings"]["batch"] == 32
    assert json.dumps(checkpoint.job)


def test_a_few_epochs_learn_to_tell_bars_from_discs(job):
    asked = job({"lr": "0.005", "batch": "8", "average": "0.8"}, epochs=10)
    train(asked)
    assert History.load(asked.out).final_valid.accuracy >= 0.8
