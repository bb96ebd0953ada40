"""A training is taken up from its own state only, and a broken file is named."""

from pathlib import Path

import pytest
import torch

from harness.errors import MethodError
from harness.method import TrainJob
from harness.progress import SILENT
from reference import weights_file
from reference.training.folder import STATE_NAME, TrainingFolder, sha256_of

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


def test_no_state_is_none_and_a_closed_folder_has_none(folder):
    assert folder().state() is None
    folder().save({})
    folder().close()
    assert folder().state() is None


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


def test_the_hash_of_no_file_is_none(tmp_path):
    assert sha256_of(None) is None
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a").startswith("ba7816bf")
