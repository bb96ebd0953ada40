"""Trainings: seeded, taken up to the bit, and stopped with one clear line."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from harness.errors import DataError, MethodError
from harness.method import Fold
from reference.content_transfer import train as module
from reference.content_transfer.checkpoint import read_checkpoint
from reference.content_transfer.train import History, train
from reference.content_transfer.trainer import Trainer
from reference.training.folder import LAST_GOOD_NAME, STATE_NAME


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


def test_the_same_seed_gives_the_same_file_and_leaves_the_callers_stream_alone(
    job, trained, tmp_path
):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    assert train(job(out=tmp_path / "a")).read_bytes() == trained.read_bytes()
    assert torch.equal(torch.rand(3), expected)
    assert train(job(out=tmp_path / "b", seed=1)).read_bytes() != trained.read_bytes()


@pytest.mark.parametrize("after", [1, 2])
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
    [({"seed": 1}, "seed"), ({"options": {"confusion": "0.1"}}, "settings")],
)
def test_another_training_in_the_folder_is_refused(job, trained, changes, named):
    with pytest.raises(MethodError, match=f"another training: {named} differ"):
        train(job(out=trained.parent, **changes))


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


@pytest.mark.parametrize(("name", "value"), [("width", "0.2"), ("sep", "3"), ("side", "128")])
def test_a_start_of_another_size_is_refused_before_anything_is_written(job, trained, name, value):
    asked = job({name: value}, init=trained)
    with pytest.raises(MethodError, match=r"side 32, width 0\.1, sep 2") as caught:
        train(asked)
    assert "--set width=0.1" in caught.value.remedy
    assert not asked.out.exists()


@pytest.mark.parametrize("content", [None, b"no checkpoint"])
def test_a_start_that_is_no_checkpoint_is_refused(job, tmp_path, content):
    path = tmp_path / "weights.safetensors"
    if content:
        path.write_bytes(content)
    with pytest.raises(MethodError, match=path.name):
        train(job(init=path))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch": "1"}, "batch=1"),
        ({"batch": "many"}, "batch=many"),
        ({"variant": "none"}, "variant=none"),
        ({"side": "64"}, "side=64"),
        ({"sep": "19"}, "19 of 19 channels"),
    ],
)
def test_options_that_cannot_be_are_refused(job, options, said):
    asked = job(options)
    with pytest.raises(MethodError, match=said):
        train(asked)
    assert not asked.out.exists()


def test_folds_are_refused(job):
    with pytest.raises(MethodError, match="cross-validate"):
        train(job(fold=Fold(0, 2)))


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


def test_a_diverging_training_keeps_the_last_good_weights(job, monkeypatch):
    asked = job()
    monkeypatch.setattr(Trainer, "run", diverging)
    with pytest.raises(MethodError, match=r"diverged at step 51: L_DC") as caught:
        train(asked)
    assert LAST_GOOD_NAME in caught.value.remedy
    assert not (asked.out / "checkpoint.safetensors").exists()
    kept = read_checkpoint(asked.out / LAST_GOOD_NAME)
    # They are those of the last row before it.
    state = torch.load(asked.out / STATE_NAME, weights_only=True)["trainer"]["networks"]
    for name, weight in kept.networks.state_dict().items():
        assert torch.isfinite(weight).all()
        assert torch.equal(weight, state[name])


def test_a_training_that_diverges_at_once_has_nothing_to_keep(job, monkeypatch):
    asked = job({"lr": "1"})
    monkeypatch.setattr(module, "ROW_STEPS", 1000)
    monkeypatch.setattr(
        "reference.content_transfer.losses.l_rec_b", lambda made, _: made.mean() * float("nan")
    )
    with pytest.raises(MethodError, match=r"step 1: L_rec\^B is no number") as caught:
        train(asked)
    assert LAST_GOOD_NAME not in caught.value.remedy
    assert not (asked.out / LAST_GOOD_NAME).exists()
