"""Trainings: seeded, taken up to the bit, and stopped with one clear line."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.cli.app import run
from harness.errors import DataError, MethodError
from harness.method import Fold, TrainJob
from reference.simgan.checkpoint import read_checkpoint
from reference.simgan.history import History
from reference.simgan.train import train
from reference.simgan.trainer import Trainer
from reference.training.folder import LAST_GOOD_NAME, STATE_NAME
from tests.reference.simgan.conftest import PICTURES, QUICK


class Listener:
    """Keeps what a training says, and interrupts it after so many rows."""

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


def test_the_same_seed_gives_the_same_file_and_leaves_the_callers_stream_alone(job, tmp_path):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first = train(job(out=tmp_path / "a")).read_bytes()
    assert torch.equal(torch.rand(3), expected)
    assert train(job(out=tmp_path / "b")).read_bytes() == first
    assert train(job(out=tmp_path / "c", seed=1)).read_bytes() != first


@pytest.mark.parametrize("after", [1, 2, 3])
def test_an_interrupted_training_ends_in_the_same_bytes(job, trained, after):
    interrupted = job(progress=Listener(interrupt_after=after))
    with pytest.raises(KeyboardInterrupt):
        train(interrupted)
    assert (interrupted.out / STATE_NAME).is_file()
    assert not (interrupted.out / "checkpoint.safetensors").exists()
    listener = Listener()
    path = train(replace(interrupted, progress=listener))
    assert path.read_bytes() == trained.read_bytes()
    assert any("after step" in text for text in listener.said)
    assert not (interrupted.out / STATE_NAME).exists()


def test_a_finished_training_is_returned_at_once(job, trained):
    listener = Listener()
    assert train(job(out=trained.parent, progress=listener)) == trained
    assert listener.notes == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"seed": 1}, "seed"), ({"options": {"lr": "0.001"}}, "settings")],
)
def test_another_training_in_the_folder_is_refused(job, trained, changes, named):
    with pytest.raises(MethodError, match=f"another training: {named} differ"):
        train(job(out=trained.parent, **changes))


def test_a_damaged_state_is_named(job):
    unfinished = job()
    unfinished.out.mkdir()
    (unfinished.out / STATE_NAME).write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(MethodError, match=STATE_NAME):
        train(unfinished)


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


@pytest.mark.parametrize(("name", "value"), [("width", "0.1"), ("blocks", "2")])
def test_a_start_of_another_size_is_refused_before_anything_is_written(job, trained, name, value):
    asked = job({name: value}, init=trained)
    with pytest.raises(MethodError, match=r"width 0\.05 and 1 blocks") as caught:
        train(asked)
    assert "--set width=0.05" in caught.value.remedy
    assert not asked.out.exists()


@pytest.mark.parametrize("content", [None, b"no checkpoint"])
def test_a_start_that_is_no_checkpoint_is_refused(job, tmp_path, content):
    path = tmp_path / "weights.safetensors"
    if content:
        path.write_bytes(content)
    with pytest.raises(MethodError, match=path.name):
        train(job(init=path))


@pytest.mark.parametrize("text", ["1", "0", "2.5", "many"])
def test_a_batch_of_one_is_refused(job, text):
    asked = job({"batch": text})
    with pytest.raises(MethodError, match=f"batch={text}"):
        train(asked)
    assert not asked.out.exists()


def test_folds_are_refused(job):
    with pytest.raises(MethodError, match="cross-validate"):
        train(job(fold=Fold(0, 2)))


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


def test_a_diverging_training_keeps_the_last_good_weights(job, monkeypatch):
    asked = job()
    monkeypatch.setattr(Trainer, "run", diverging)
    with pytest.raises(MethodError, match=r"diverged at step 16: the realism") as caught:
        train(asked)
    assert LAST_GOOD_NAME in caught.value.remedy
    assert not (asked.out / "checkpoint.safetensors").exists()
    kept = read_checkpoint(asked.out / LAST_GOOD_NAME)
    for network in kept.networks.named().values():
        assert all(torch.isfinite(weight).all() for weight in network.parameters())
    # They are those of the last row before it.
    state = torch.load(asked.out / STATE_NAME, weights_only=True)
    for name, weight in kept.networks.refiner.state_dict().items():
        assert torch.equal(weight, state["refiner"][name])


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
