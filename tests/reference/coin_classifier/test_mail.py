"""The service's mail table, with accuracies and a loss of a mail that it sent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import MethodError
from reference.coin_classifier.history import Epoch, History, Score
from reference.coin_classifier.mail import float32_text, mail_table, mail_text
from reference.training.record import FILE_NAME

FINISHED = History(
    width=0.25,
    final_train=Score(loss=0.5, accuracy=101 / 102),
    final_valid=Score(loss=0.8285562992095947, accuracy=12 / 15),
)


def test_the_table_reads_as_the_services():
    assert mail_table(FINISHED) == {
        "Final Loss": "0.5",
        "Final Accuracy": "0.9901960492134094",
        "Final Validation Loss": "0.8285562992095947",
        "Final Validation Accuracy": "0.800000011920929",
        "Model": "Mobilenet V1 Alpha0.25 Depth: 1",
    }


def test_the_model_is_named_with_its_width():
    table = mail_table(FINISHED.model_copy(update={"width": 1.0}))
    assert table["Model"] == "Mobilenet V1 Alpha1.0 Depth: 1"


def test_there_is_no_table_before_the_end():
    assert mail_table(History(width=0.25)) is None


def test_the_text_has_a_row_a_line_and_aligned_values():
    lines = mail_text(mail_table(FINISHED)).splitlines()
    assert lines[0].split() == ["Your", "Model", "Parameters", "value"]
    assert len(lines) == 6
    assert len({line.index(line.split("  ")[-1].strip()) for line in lines}) == 1


@given(st.floats(0, 1e6))
def test_printed_numbers_are_float32_values_and_read_back_exactly(value):
    assert np.float32(float32_text(value)) == np.float32(value)
    assert float(float32_text(value)) == float(np.float32(value))


def test_a_history_survives_its_file(tmp_path):
    history = FINISHED.model_copy()
    history.epochs.append(Epoch(train=Score(loss=1, accuracy=0.5), valid=Score(loss=2, accuracy=1)))
    history.save(tmp_path)
    assert History.load(tmp_path) == history


def test_a_folder_without_history_gives_none(tmp_path):
    assert History.load(tmp_path) is None


def test_a_damaged_history_is_named(tmp_path):
    (tmp_path / FILE_NAME).write_text('{"width": 0.25, "epochs": [{}')
    with pytest.raises(MethodError, match=FILE_NAME):
        History.load(tmp_path)


@pytest.mark.parametrize(
    ("losses", "since"), [([], 0), ([1], 0), ([3, 2, 1], 0), ([2, 1, 1.5, 1.2], 2), ([1, 1, 1], 2)]
)
def test_the_wait_since_the_lowest_loss_is_counted(losses, since):
    score = Score(loss=0, accuracy=0)
    epochs = [Epoch(train=score, valid=Score(loss=loss, accuracy=0)) for loss in losses]
    assert History(width=1, epochs=epochs).since_best() == since
