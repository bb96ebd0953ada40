"""Every golden graph of nncase 1.9, against the tensors that nncase's own simulator gave."""

import time

import numpy as np
import pytest

from harness.convert import convert
from harness.errors import ConversionError
from harness.kmodel import load, save
from tests.convert.conftest import KMODELS, V5
from tests.convert.programs import run

ULP = {"acts": 2}  # a softmax
# What v3 lacks, or can only do up to ties.
NOT_IN_V3 = {
    "acts": "softmax",
    "avgpool_s1": "quantize",
    "odd_37x23": "pad",
    "stride4": "slice",
}


def assert_golden(program, name):
    golden = np.load(KMODELS / f"{name}.npz")
    for version in (program, load(save(program))):
        (found,) = run(version, [golden["input_0"]])
        found = found.reshape(golden["output_0"].shape)
        if name in ULP:
            np.testing.assert_array_max_ulp(found, golden["output_0"], ULP[name])
        else:
            assert found.tobytes() == golden["output_0"].tobytes()


@pytest.mark.parametrize("name", V5)
def test_all_convert_to_v4(name):
    conversion = convert(load(KMODELS / f"{name}.kmodel"), 4)
    assert conversion.program.version == 4
    assert not conversion.inexact
    assert_golden(conversion.program, name)


@pytest.mark.parametrize("name", V5)
def test_they_need_no_more_memory_than_before(name):
    budget = convert(load(KMODELS / f"{name}.kmodel"), 4).budget
    assert budget.main <= budget.source_main


@pytest.mark.parametrize("name", sorted(set(V5) - set(NOT_IN_V3)))
def test_most_convert_to_v3(name):
    conversion = convert(load(KMODELS / f"{name}.kmodel"), 3)
    assert not conversion.inexact
    assert_golden(conversion.program, name)


@pytest.mark.parametrize("name", sorted(NOT_IN_V3))
def test_others_are_refused_by_name(name):
    with pytest.raises(ConversionError, match=rf"\d\d_{NOT_IN_V3[name]}"):
        convert(load(KMODELS / f"{name}.kmodel"), 3)


def test_the_last_bit_may_be_allowed():
    program = load(KMODELS / "avgpool_s1.kmodel")
    conversion = convert(program, 3, allow_last_bit=True)
    (named,) = conversion.inexact
    assert named.name == "06_quantize"
    golden = np.load(KMODELS / "avgpool_s1.npz")
    (found,) = run(conversion.program, [golden["input_0"]])
    found = found.reshape(golden["output_0"].shape)
    assert 0 < (found != golden["output_0"]).mean() < 0.5


def test_every_change_is_recorded():
    program = load(KMODELS / "mbv1_025_128.kmodel")
    conversion = convert(program, 4)
    names = {operation.name for operation in conversion.program.operations}
    sources = {operation.name for operation in program.operations}
    for rewrite in conversion.rewrites:
        assert rewrite.name in sources
        assert set(rewrite.became) <= names
        assert rewrite.why
    changed = {rewrite.name for rewrite in conversion.rewrites}
    kinds = {o.name: o.kind() for o in program.operations if o.name not in changed}
    assert "quantize" not in kinds.values()


def test_a_second_conversion_is_refused():
    program = load(KMODELS / "residual.kmodel")
    again = load(save(convert(program, 4).program))
    with pytest.raises(ConversionError, match="version 4 already"):
        convert(again, 4)


@pytest.mark.parametrize("name", ["residual", "mbv1_025_128"])
def test_what_v4_lost_for_v3_is_sought_in_the_original(name):
    program = load(KMODELS / f"{name}.kmodel")
    older = load(save(convert(program, 4).program))
    with pytest.raises(ConversionError) as caught:
        convert(older, 3, allow_last_bit=True)
    assert "the version computes a quantize in another way" in str(caught.value)
    assert "convert the kmodel v5 that it was made from" in caught.value.remedy
    assert convert(program, 3).program.version == 3


def test_v4_goes_on_to_v3():
    program = load(KMODELS / "maxpool_leaky.kmodel")
    golden = np.load(KMODELS / "maxpool_leaky.npz")
    older = convert(load(save(convert(program, 4).program)), 3, allow_last_bit=True).program
    (found,) = run(older, [golden["input_0"]])
    np.testing.assert_allclose(found.reshape(golden["output_0"].shape), golden["output_0"], 1e-5)


@pytest.mark.slow
def test_third_party(shared):
    """YOLOX as an early nncase 1.0 compiled it: 290 operations, much of it on the CPU."""
    program = load(shared / "kmodels" / "yolox_nano_224_v5_beta1.kmodel")
    start = time.perf_counter()
    conversion = convert(program, 4)
    save(conversion.program)
    assert time.perf_counter() - start < 5
    inputs = [np.random.default_rng(0).integers(0, 256, (1, 3, 224, 224), dtype=np.uint8)]
    (expected,), (found,) = run(program, inputs), run(conversion.program, inputs)
    assert found.tobytes() == expected.tobytes()


def test_third_party_v3_becomes_v4(shared):
    program = load(shared / "kmodels" / "yolo20_v3.kmodel")
    conversion = convert(program, 4)
    golden = np.load(shared / "golden" / "v3" / "yolo20_v3.npz")
    (expected,), (found,) = (run(p, [golden["input_0"]]) for p in (program, conversion.program))
    assert found.tobytes() == expected.tobytes()
