"""What a cut run keeps, and what it does not take for its own."""

from __future__ import annotations

import numpy as np
import pytest

from harness.board.answers import Inference, OutputForm
from harness.board.checkpoint import Checkpoint, digest

FORMS = (OutputForm("f", (1, 3)), OutputForm("B", (1, 2)))
SUBJECT = {"kmodel": "a", "firmware": "b"}


def result(seed: int) -> Inference:
    random = np.random.default_rng(seed)
    floats = random.standard_normal((1, 3)).astype(np.float32)
    return Inference(seed, (floats, random.integers(0, 256, (1, 2)).astype(np.uint8)))


def same(one: Inference, other: Inference) -> bool:
    pairs = zip(one.outputs, other.outputs, strict=True)
    return one.microseconds == other.microseconds and all((a == b).all() for a, b in pairs)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "board.jsonl"


def test_a_second_run_finds_the_results_of_the_first(path):
    first = Checkpoint(path, SUBJECT, FORMS)
    for seed in range(5):
        first.put(str(seed), result(seed))
    second = Checkpoint(path, SUBJECT, FORMS)
    assert all(same(second.get(str(seed)), result(seed)) for seed in range(5))
    assert second.get("5") is None


def test_every_cut_leaves_whole_results_and_room_for_more(path):
    first = Checkpoint(path, SUBJECT, FORMS)
    for seed in range(3):
        first.put(str(seed), result(seed))
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        cut = Checkpoint(path, SUBJECT, FORMS)
        kept = [seed for seed in range(3) if cut.get(str(seed))]
        assert kept == list(range(len(kept)))
        assert all(same(cut.get(str(seed)), result(seed)) for seed in kept)
        cut.put("9", result(9))
        again = Checkpoint(path, SUBJECT, FORMS)
        assert same(again.get("9"), result(9))


@pytest.mark.parametrize("other", [{"kmodel": "z", "firmware": "b"}, {"kmodel": "a"}])
def test_results_of_another_model_or_firmware_are_not_taken(path, other):
    Checkpoint(path, SUBJECT, FORMS).put("0", result(0))
    assert Checkpoint(path, other, FORMS).get("0") is None


def test_a_finished_run_leaves_nothing(path):
    kept = Checkpoint(path, SUBJECT, FORMS)
    kept.put("0", result(0))
    kept.finish()
    assert not path.exists()


def test_inputs_are_told_apart():
    zeros = np.zeros((3, 4, 4), np.uint8)
    other = zeros.copy()
    other[1, 2, 3] = 1
    assert digest(zeros) == digest(zeros.copy()) != digest(other)


def test_a_virtual_boards_results_never_become_a_real_ones(path):
    virtual, real = ({**SUBJECT, "kind": kind} for kind in ("virtual", "real"))
    Checkpoint(path, virtual, FORMS).put("0", result(0))
    assert Checkpoint(path, virtual, FORMS).get("0")
    assert Checkpoint(path, real, FORMS).get("0") is None
