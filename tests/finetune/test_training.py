"""The course of a training: it stops with a reason, goes on, and keeps what was good."""

import numpy as np
import pytest
import torch
from torch import nn

from harness.errors import MethodError, UsageError
from harness.finetune import trainer
from harness.finetune.data import Lessons, check_trainable, keep_back
from harness.finetune.finetune import Settings, finetune
from harness.finetune.module import TrainableProgram
from harness.kmodel import load, save
from harness.method import Deployable, EvaluationSet, InputContract
from harness.simulator import Simulator
from tests.finetune.test_module import moved
from tests.kmodel.v5_programs.cuts import golden
from tests.simulator.test_differential import pictures

GOOD = golden("stride4")
# The same network, spoilt.
PROGRAM = load(save(moved(TrainableProgram(GOOD), 0.1).trained()))


@pytest.fixture(scope="module")
def found():
    inputs = torch.from_numpy(pictures(18, GOOD.inputs[0].buffer.shape[1:]))
    (good,) = Simulator(GOOD)(inputs).values()
    return Lessons(inputs, good.flatten(1), torch.arange(18) % 6)


def settings(**changed):
    return Settings(**{"epochs": 3, "batch": 6, "patience": 9, **changed})


def test_loss_falls_and_the_best_parameters_are_kept(found, tmp_path):
    done = finetune(PROGRAM, found, settings(), tmp_path)
    course = done.course
    assert course.best > 0
    assert course.best_score.loss == min(one.kept_back.loss for one in course.epochs)
    assert course.best_score.loss < course.start.loss
    assert course.epochs[-1].loss < course.epochs[0].loss
    assert save(done.module.trained()) != save(PROGRAM)


def test_interrupted_it_goes_on_to_the_same_bits(found, tmp_path, monkeypatch):
    whole = finetune(PROGRAM, found, settings(), tmp_path / "whole")
    real = trainer.Trainer.run_epoch

    def interrupted(self, number, progress):
        if number == 2:
            raise KeyboardInterrupt
        return real(self, number, progress)

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "run_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            finetune(PROGRAM, found, settings(), tmp_path / "broken")
    broken = finetune(PROGRAM, found, settings(), tmp_path / "broken")
    assert broken.course.epochs == whole.course.epochs
    assert save(broken.module.trained()) == save(whole.module.trained())


def test_what_is_not_better_is_not_kept(found, tmp_path):
    done = finetune(PROGRAM, found, settings(lr=0.9, epochs=1), tmp_path)
    course = done.course
    assert course.epochs[0].kept_back.loss > course.best_score.loss
    assert course.best == 0
    assert course.helped == (("balancing",) if course.balanced else ())
    assert done.balanced is None
    alone = finetune(PROGRAM, found, settings(epochs=0), tmp_path / "alone")
    assert save(done.module.trained()) == save(alone.module.trained())
    assert course.balanced == alone.course.balanced


def test_what_balancing_alone_gave_is_kept_beside_what_training_made_of_it(
    found, tmp_path, monkeypatch
):
    def helpful(module, _inputs):
        moved(module, -0.05)  # half of the way back to the good network
        return 1

    monkeypatch.setattr("harness.finetune.finetune.balance", helpful)
    done = finetune(PROGRAM, found, settings(epochs=1), tmp_path)
    assert done.course.helped == ("balancing", "training")
    alone = finetune(PROGRAM, found, settings(epochs=0), tmp_path / "alone")
    assert alone.course.helped == ("balancing",)
    assert alone.balanced is None
    assert save(done.balanced.trained()) == save(alone.module.trained())
    assert save(done.module.trained()) != save(alone.module.trained())


def test_balancing_that_does_harm_is_not_kept(found, tmp_path, monkeypatch):
    def harmful(module, _inputs):
        moved(module, 0.3)
        return 1

    monkeypatch.setattr("harness.finetune.finetune.balance", harmful)
    done = finetune(PROGRAM, found, settings(epochs=0), tmp_path)
    assert done.course.balanced is None
    assert not done.course.better
    assert save(done.module.trained()) == save(PROGRAM)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good(found, tmp_path, monkeypatch):
    real = trainer.finetune_loss
    steps = iter(range(1000))

    def breaking(*arguments):
        loss = real(*arguments)
        # 2 steps and a score an epoch, and two scores before the first.
        return loss * float("nan") if next(steps) >= 6 else loss

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "finetune_loss", breaking)
        with pytest.raises(MethodError, match=r"step 2 of epoch 2.*epoch 1 is kept") as error:
            finetune(PROGRAM, found, settings(), tmp_path)
    assert "lower --lr" in error.value.remedy
    done = finetune(PROGRAM, found, settings(lr=0.0005), tmp_path)
    assert len(done.course.epochs) == 3


def test_time_that_is_over_is_said_and_nothing_is_lost(found, tmp_path):
    with pytest.raises(UsageError, match="0 minutes are over behind epoch 0 of 3"):
        finetune(PROGRAM, found, settings(minutes=0.0), tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_training_is_not_taken_up(found, tmp_path):
    finetune(PROGRAM, found, settings(epochs=1), tmp_path)
    with pytest.raises(MethodError, match="another fine-tuning: epochs, seed differ"):
        finetune(PROGRAM, found, settings(epochs=2, seed=1), tmp_path)
    (tmp_path / "state.pt").write_bytes(b"half")
    with pytest.raises(MethodError, match=r"state\.pt is damaged"):
        finetune(PROGRAM, found, settings(epochs=1), tmp_path)


def test_a_fifth_of_every_class_is_kept_back(found):
    learnt, kept = keep_back(found, seed=3)
    assert len(learnt) == 12
    assert kept.labels.bincount().tolist() == [1] * 6
    together = torch.cat([learnt.inputs, kept.inputs]).flatten(1)
    assert len(together.unique(dim=0)) == len(found.inputs.flatten(1).unique(dim=0))


def deployable(labels=(0, 1, 0, 1), classes=("a", "b"), training=("e", "f", "g", "h")):
    def items(ids, labels):
        inputs = np.zeros((len(ids), 3, 4, 4), np.uint8)
        return EvaluationSet(tuple(ids), inputs, labels and np.array(labels), classes)

    return Deployable(
        "thing",
        nn.Identity(),
        InputContract((3, 4, 4)),
        ("y",),
        np.zeros((1, 3, 4, 4), np.uint8),
        items("abcd", labels),
        training=None if training is None else items(training, None),
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"labels": None}, "thing has no class labels"),
        ({"classes": ()}, "thing has no class labels"),
        ({"training": None}, "thing offers no items to learn from"),
        ({"training": ("e", "f")}, "thing offers 2 items to learn from"),
        (
            {"training": ("e", "f", "g", "a")},
            "1 items to learn from that it is judged by",
        ),
    ],
)
def test_what_cannot_be_learnt_from_is_said(changed, said):
    assert check_trainable(deployable()).ids == ("e", "f", "g", "h")
    with pytest.raises(MethodError, match=said):
        check_trainable(deployable(**changed))
