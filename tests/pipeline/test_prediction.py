"""What a run says of the time its kmodel takes."""

from types import SimpleNamespace

import numpy as np
import pytest

from harness.backends.base import BackendResult
from harness.convert import convert
from harness.kmodel import load, save
from harness.pipeline.prediction import prediction_record
from harness.report.views import prediction_line
from harness.timing import predict
from harness.timing.boards import BOARDS
from tests.conftest import REPOSITORY

FILE = REPOSITORY / "fixtures" / "kmodels" / "odd_37x23.kmodel"


@pytest.fixture
def compiled():
    kmodel = FILE.read_bytes()
    stock = save(convert(load(kmodel), 4).program)
    return SimpleNamespace(kmodel=kmodel, stock=SimpleNamespace(data=stock))


def ran(kmodel, ms):
    described = {"kind": "virtual", "machine": "M5StickV (virtual board)", "kmodel": kmodel}
    return {"board": BackendResult("board", {}, np.array([ms] * 5), {}, described)}


def test_without_a_board_stock_firmware_is_predicted(compiled):
    found = prediction_record(compiled, {})
    assert found.kmodel_version == 4
    assert found.ms == predict(load(compiled.stock.data), board=BOARDS["maix-bit"]).ms
    assert found.measured_ms is None
    assert "between" in prediction_line(found)
    assert "took" not in prediction_line(found)


def test_a_board_stands_beside_its_prediction(compiled):
    import hashlib

    sent = f"v4, sha256 {hashlib.sha256(compiled.stock.data).hexdigest()}"
    found = prediction_record(compiled, ran(sent, 5.0))
    assert (found.kmodel_version, found.board) == (4, "m5stickv")
    assert (found.measured_ms, found.measured_on) == (5.0, "virtual")
    line = prediction_line(found)
    assert f"{5.0 / found.ms:.2f} times the prediction" in line
    assert "The virtual board took 5.0 ms" in line


def test_what_was_sent_is_what_is_predicted(compiled):
    assert prediction_record(compiled, ran("v5, sha256 00", 5.0)).kmodel_version == 5
    compiled.stock.data = None
    assert prediction_record(compiled, {}).kmodel_version == 5


def test_a_run_without_a_kmodel_has_no_prediction():
    assert prediction_record(None, {}) is None
    assert prediction_line(None) == ""
