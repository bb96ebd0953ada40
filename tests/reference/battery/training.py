"""Trainings: seeded, taken up to the bit, and stopped with one clear line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch

from harness.errors import MethodError
from harness.method import Fold, Method
from reference import weights_file
from reference.training.folder import LAST_GOOD_NAME, STATE_NAME
from tests.reference.battery.listener import Listener, PowerCutError


class TrainingBattery:
    """What every training keeps to.

    Attributes:
        method: What is tested.
        title: Of the task whose stretches are counted.
        cuts: Stretches after which a training is interrupted.
        others: Arguments of another training → the words that differ.
        resized: Options that make another network than that of `trained`.
        wrong: Options that are refused; the first is named.
        untrained: Prefixes of weights that a checkpoint has and a state has not.
    """

    method: ClassVar[Method]
    title: ClassVar[str] = "Training"
    cuts: ClassVar[tuple[int, ...]] = (0, 1)
    others: ClassVar[list[tuple[dict[str, Any], str]]]
    resized: ClassVar[list[dict[str, str]]]
    wrong: ClassVar[list[dict[str, str]]]
    untrained: ClassVar[tuple[str, ...]] = ()

    def pytest_generate_tests(self, metafunc):
        given = {"cut": self.cuts, "other": self.others, "resized": self.resized}
        for name, values in (given | {"wrong": self.wrong}).items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values, ids=str)

    def listener(self, interrupt_after=None):
        return Listener(self.title, interrupt_after)

    def cut_off(self, job, after=1):
        """Interrupt a training after so many stretches."""
        with pytest.raises(PowerCutError):
            self.method.train(replace(job, progress=self.listener(after)))
        assert (job.out / STATE_NAME).is_file()
        assert not (job.out / weights_file.FILE_NAME).exists()

    def diverges(self, job, where, *said):
        """Train to where a term is no number; return the path of the last good weights.

        They are those of the state that was kept before, so that none of them is anything else.
        """
        with pytest.raises(MethodError) as raised:
            self.method.train(job)
        for text in (*said, f"the weights of {where} are kept in {LAST_GOOD_NAME}"):
            assert text in raised.value.cause
        assert "lr=" in raised.value.remedy
        assert not (job.out / weights_file.FILE_NAME).exists()
        kept, _ = weights_file.read(job.out / LAST_GOOD_NAME, self.method.info().name)
        before = set(_tensors(torch.load(job.out / STATE_NAME, weights_only=True)))
        for name, weight in kept.items():
            assert weight.isfinite().all()
            assert name.startswith(self.untrained or "\0") or _bytes(weight) in before, name
        return job.out / LAST_GOOD_NAME

    def test_the_same_seed_gives_the_same_file_and_leaves_the_callers_stream_alone(
        self, job, trained, tmp_path
    ):
        torch.manual_seed(1)
        expected = torch.rand(3)
        torch.manual_seed(1)
        again = self.method.train(job(out=tmp_path / "a"))
        assert again.read_bytes() == trained.read_bytes()
        assert torch.equal(torch.rand(3), expected)
        other = self.method.train(job(out=tmp_path / "b", seed=1))
        assert other.read_bytes() != trained.read_bytes()

    def test_an_interrupted_training_ends_in_the_same_bytes(self, job, trained, cut):
        self.cut_off(job(), cut)
        listener = self.listener()
        path = self.method.train(job(progress=listener))
        assert path.read_bytes() == trained.read_bytes()
        assert any(f"taking up the training in {job().out}" in text for text in listener.said)
        assert not (job().out / STATE_NAME).exists()
        for name in ("history.json", "best.safetensors"):
            if (trained.parent / name).is_file():
                assert (job().out / name).read_bytes() == (trained.parent / name).read_bytes()

    def test_a_finished_training_is_returned_at_once(self, job, trained):
        before, listener = trained.stat().st_mtime_ns, self.listener()
        assert self.method.train(job(out=trained.parent, progress=listener)) == trained
        assert trained.stat().st_mtime_ns == before
        assert listener.notes == []
        assert listener.said[-1].endswith("holds this very training, finished")

    def test_another_training_in_the_folder_is_refused(self, job, trained, other):
        changes, named = other
        with pytest.raises(MethodError, match=f"another training: {named} differ"):
            self.method.train(job(out=trained.parent, **changes))
        assert trained.is_file()

    def test_another_interrupted_training_is_refused(self, job):
        self.cut_off(job())
        with pytest.raises(MethodError, match="another training: seed differ"):
            self.method.train(job(seed=1))

    def test_a_damaged_state_is_named(self, job):
        job().out.mkdir()
        (job().out / STATE_NAME).write_bytes(b"PK\x03\x04 cut short")
        with pytest.raises(MethodError, match=r"state\.pt is damaged"):
            self.method.train(job())

    def test_a_start_of_another_size_is_refused_before_anything_is_written(
        self, job, trained, resized
    ):
        ((name, value),) = resized.items()
        had = job().options.get(name) or str(self.method.info().options[name][0])
        asked = job(resized, init=trained)
        with pytest.raises(MethodError) as caught:
            self.method.train(asked)
        assert f"the checkpoint has {name} {had}" in caught.value.cause
        assert f"{name} {value} was asked for" in caught.value.cause
        assert f"--set {name}={had}" in caught.value.remedy
        assert not asked.out.exists()

    @pytest.mark.parametrize("content", [None, b"no checkpoint"])
    def test_a_start_that_is_no_checkpoint_is_refused(self, job, tmp_path, content):
        path = tmp_path / "weights.safetensors"
        if content:
            path.write_bytes(content)
        with pytest.raises(MethodError, match=path.name):
            self.method.train(job(init=path))
        assert not job().out.exists()

    def test_wrong_options_are_refused_before_anything_is_written(self, job, wrong):
        ((name, value),) = wrong.items()
        with pytest.raises(MethodError, match=name) as caught:
            self.method.train(job(wrong))
        assert value in str(caught.value) or "has no option" in caught.value.cause
        assert not job().out.exists()

    def test_the_checkpoint_says_what_made_it(self, job, trained):
        _, words = weights_file.read(trained, self.method.info().name)
        made = words["job"]
        assert (made["seed"], made["init"]) == (0, None)
        given = {name: made["settings"][name] for name in job().options}
        assert {name: type(value)(job().options[name]) for name, value in given.items()} == given
        assert json.dumps(made)


class NoFolds:
    """Methods without cross-validation say so, and do nothing else."""

    method: ClassVar[Method]

    def test_folds_are_refused(self, job, trained):
        with pytest.raises(MethodError, match="has no cross-validation"):
            self.method.train(job(fold=Fold(0, 2)))
        assert not job().out.exists()
        with pytest.raises(MethodError, match="has no cross-validation"):
            self.method.deployable(trained, None, Fold(0, 2))


def _tensors(state):
    """Yield all tensors in a state, as bytes."""
    if isinstance(state, torch.Tensor):
        yield _bytes(state)
    elif isinstance(state, dict):
        for value in state.values():
            yield from _tensors(value)


def _bytes(tensor):
    return tensor.contiguous().numpy().tobytes()
