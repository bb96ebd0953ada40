"""A training is taken up from its own state only, and a broken file is named."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from harness.errors import MethodError
from harness.method import TrainJob
from harness.progress import SILENT
from reference import weights_file
from reference.options import Options, between, option
from reference.training.folder import STATE_NAME, TrainingFolder, words_of
from reference.training.record import FILE_NAME as HISTORY_NAME
from reference.training.record import Epochs

WORDS = {"seed": 1, "data": "abc"}


@pytest.fixture
def folder(tmp_path):
    def open_folder(**changed):
        job = TrainJob(data=None, out=tmp_path, seed=1, progress=SILENT)
        return TrainingFolder(job, WORDS | changed)

    return open_folder


def test_a_state_comes_back_as_it_was_kept(folder):
    state = {"epoch": 3, "weights": {"layer": torch.arange(4.0)}, "note": "ä"}
    folder().save(state)
    found = folder().state()
    assert found["epoch"] == 3
    assert found["note"] == "ä"
    assert torch.equal(found["weights"]["layer"], state["weights"]["layer"])


@pytest.mark.parametrize("cut", [0, 1, 10, 200])
def test_a_damaged_state_is_named(folder, tmp_path: Path, cut):
    folder().save({"weights": torch.zeros(64)})
    path = tmp_path / STATE_NAME
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(MethodError, match=STATE_NAME):
        folder().state()


def test_the_state_of_another_training_is_refused_by_what_differs(folder):
    folder().save({})
    with pytest.raises(MethodError, match="another training: seed differ"):
        folder(seed=2).state()


def test_a_checkpoint_of_this_training_is_finished_and_another_refused(folder):
    ours = folder()
    assert not ours.is_finished("dtn")
    weights_file.write(ours.checkpoint, "dtn", {"w": torch.zeros(1)}, {"job": WORDS})
    assert ours.is_finished("dtn")
    with pytest.raises(MethodError, match="another training: data differ"):
        folder(data="xyz").is_finished("dtn")
    with pytest.raises(MethodError, match="no checkpoint of simgan"):
        ours.is_finished("simgan")


class Checkpoint:
    """As methods have it; or one that a full disk keeps from being written."""

    def __init__(self, full=False):
        self.full = full

    def save(self, path):
        if self.full:
            raise OSError("no space left on device")
        weights_file.write(path, "dtn", {"w": torch.zeros(1)}, {"job": WORDS})


def test_a_finished_folder_has_checkpoint_and_history_and_no_state(folder, tmp_path):
    ours = folder()
    assert ours.state() is None
    ours.save({})
    assert ours.finish(Epochs(epochs=[{"L": 1.0}]), Checkpoint()) == ours.checkpoint
    assert ours.state() is None
    assert ours.is_finished("dtn")
    assert Epochs.load(tmp_path).epochs == [{"L": 1.0}]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [weights_file.FILE_NAME, HISTORY_NAME]
    )


def test_a_state_outlives_a_checkpoint_that_cannot_be_written(folder):
    folder().save({"epoch": 3})
    with pytest.raises(OSError, match="no space"):
        folder().finish(Epochs(), Checkpoint(full=True))
    assert folder().state()["epoch"] == 3


@dataclass(frozen=True)
class Settings(Options):
    METHOD = "dtn"

    lr: float = option(0.5, between(0, 1), "rate")


def test_words_tell_trainings_apart(tmp_path):
    job = TrainJob(out=tmp_path, seed=4)
    common = {"seed": 4, "settings": {"lr": 0.5}, "data": "d"}
    assert words_of(job, Settings(), "d", epochs=2) == common | {"init": None, "epochs": 2}
    (tmp_path / "a").write_bytes(b"abc")
    found = words_of(replace(job, init=tmp_path / "a"), Settings(), "d")
    assert found["init"].startswith("ba7816bf")
