"""The course of a training: taken up where it was, ended early, stopped with what was good."""

import pytest
import torch

from harness.errors import MethodError
from harness.method import TrainJob
from reference.training.folder import LAST_GOOD_NAME, STATE_NAME, TrainingFolder
from reference.training.learning import learn
from reference.training.record import Epochs, Record, Rows, Stretch, told
from tests.reference.battery.listener import Listener, PowerCutError


class Adder:
    """Its weight says how many stretches it has seen."""

    def __init__(self):
        self.weight = torch.zeros(1)

    def state(self):
        return {"weight": self.weight.clone()}

    def restore(self, state):
        self.weight = state["weight"]

    def epoch(self, history):
        self.weight = self.weight + 1
        history.epochs.append({"weight": self.weight.item()})
        return told(history.epochs[-1])


@pytest.fixture
def course(tmp_path):
    """Run a course of five epochs anew, as after a power cut."""

    def run(adder=None, stretch=None, interrupt_after=None, history=None, **more):
        adder = adder or Adder()
        listener = Listener("T", interrupt_after)
        folder = TrainingFolder(TrainJob(out=tmp_path, progress=listener), {"seed": 0})
        keep = lambda path: path.write_text(str(adder.weight.item()))  # noqa: E731
        given = {"title": "T", "total": 5, **more}
        found = learn(folder, adder, history or Epochs(), stretch or adder.epoch, keep, **given)
        return found, listener

    return run


def test_it_goes_on_where_it_was(course):
    with pytest.raises(PowerCutError):
        course(interrupt_after=2)
    history, listener = course()
    assert [one["weight"] for one in history.epochs] == [1, 2, 3, 4, 5]
    assert listener.notes == ["weight 3", "weight 4", "weight 5"]
    assert listener.said[0].endswith("after epoch 2")
    # And there is nothing left to do.
    assert course()[1].notes == []


def test_what_lies_beside_the_trainer_is_kept(course, tmp_path):
    course(beside={"f": torch.ones(2)})
    state = torch.load(tmp_path / STATE_NAME, weights_only=True)
    assert state["f"].tolist() == [1, 1]
    assert state["trainer"]["weight"].item() == 5


def test_it_ends_early_where_a_stretch_says_so(course):
    adder = Adder()
    history, _ = course(adder, lambda kept: None if kept.done == 3 else adder.epoch(kept))
    assert history.done == 3


def test_rows_are_counted_in_steps(course):
    def row(history):
        history.rows.append(Stretch(step=min(history.done + 2, 5)))
        return "row"

    history, listener = course(stretch=row, history=Rows[Stretch]())
    assert [one.step for one in history.rows] == [2, 4, 5]
    assert len(listener.notes) == 3


@pytest.mark.parametrize("at", [0, 3])
def test_a_stretch_that_diverges_leaves_the_weights_before_it(course, tmp_path, at):
    adder = Adder()

    def broken(history):
        if history.done == at:
            adder.weight = torch.tensor([float("nan")])
            raise MethodError("no number", "lower lr")
        return adder.epoch(history)

    with pytest.raises(MethodError) as raised:
        course(adder, broken)
    assert (
        raised.value.cause == f"no number; the weights of epoch {at} are kept in {LAST_GOOD_NAME}"
    )
    assert raised.value.remedy == "lower lr"
    assert (tmp_path / LAST_GOOD_NAME).read_text() == str(float(at))


def test_a_history_says_what_it_counts():
    with pytest.raises(NotImplementedError):
        _ = Record().done
    assert (Epochs.unit, Rows.unit) == ("epoch", "step")
    assert (Epochs().done, Rows[Stretch]().done) == (0, 0)


@pytest.mark.parametrize("bad", [1, 3, 5])
def test_weights_that_are_no_numbers_are_not_kept_though_every_term_was(course, tmp_path, bad):
    adder = Adder()

    def epoch(history):
        note = adder.epoch(history)
        if history.done == bad:
            adder.weight = adder.weight * float("nan")
        return note

    with pytest.raises(MethodError, match=f"the weights of epoch {bad - 1} are kept"):
        course(adder, epoch)
    assert float((tmp_path / LAST_GOOD_NAME).read_text()) == bad - 1


def test_a_state_of_another_version_is_named(course, tmp_path):
    folder = TrainingFolder(TrainJob(out=tmp_path, progress=Listener("T")), {"seed": 0})
    folder.save({"history": Epochs().model_dump_json(), "weight": torch.zeros(1)})
    with pytest.raises(MethodError, match="a state that this version does not know: KeyError"):
        course()
