"""Models cut behind each of their layers convert to what a hook on that layer sees in the whole."""

import numpy as np
import pytest

from harness.convert import convert
from harness.convert.rewrite import _Conversion
from harness.errors import ConversionError
from harness.kmodel import Memory, load, save
from harness.simulator import Simulator
from tests.convert.conftest import KMODELS, V5
from tests.convert.programs import random_inputs
from tests.kmodel.test_truncation import MOBILENET, seen


def check_layers(name, chosen=slice(None)):
    program = load(KMODELS / f"{name}.kmodel")
    batch = random_inputs(program, 2)
    found = seen(program, batch)
    for operation in program.operations[chosen]:
        cut = program.until(operation.name, as_float=True)
        older = load(save(convert(cut, 4).program))
        (value,) = Simulator(older)(batch).values()
        expected = found[operation.name].float().numpy()
        assert value.numpy().dtype == np.float32, operation.name
        assert value.numpy().tobytes() == expected.tobytes(), operation.name


@pytest.mark.parametrize("name", [name for name in V5 if name != MOBILENET])
def test_every_layer_comes_out_of_the_converted_cut(name):
    check_layers(name)


def test_some_layers_of_a_mobilenet():
    check_layers(MOBILENET, slice(0, None, 8))


@pytest.mark.slow
def test_every_layer_of_a_mobilenet():
    check_layers(MOBILENET)


def picture_and_result(name):
    """Return a program cut behind the upload of its picture, which is its output."""
    program = load(KMODELS / f"{name}.kmodel")
    return program, program.until("00_kpu_upload")


@pytest.mark.parametrize("name", ["residual", "upsample_nearest"])
def test_a_picture_that_is_also_a_result_stays_in_main_memory(name):
    program, cut = picture_and_result(name)
    (picture,) = random_inputs(program)
    older = load(save(convert(cut, 4).program))
    assert [port.buffer.memory for port in older.inputs] == [Memory.MAIN]
    (value,) = Simulator(older)([picture]).values()
    assert value.numpy().tobytes() == picture.tobytes()
    with pytest.raises(ConversionError, match="read a second time"):
        convert(cut, 3)


def test_an_output_that_nothing_writes_is_refused(monkeypatch):
    _, cut = picture_and_result("residual")
    monkeypatch.setattr(_Conversion, "_direct", lambda _self: frozenset({"00_kpu_upload"}))
    with pytest.raises(ConversionError, match="nothing would write output_0"):
        convert(cut, 4)
