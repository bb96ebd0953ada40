import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import harness.backends as backends
from harness.backends import Subject
from harness.backends.floating import to_float
from harness.errors import SimulationError, UsageError
from harness.method import InputContract
from tests.compiler.networks import TwoOutputs, small_net

CONTRACT = InputContract((3, 16, 20))
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 16, 20), dtype=np.uint8)


def test_backends_are_found_by_name_and_others_refused():
    for name in backends.names():
        assert backends.get(name).name == name
    with pytest.raises(UsageError, match="choose from: float, nncase"):
        backends.get("magic")


def test_float_gives_what_the_module_gives_a_batch():
    module = TwoOutputs().eval()
    result = backends.get("float").run(Subject(CONTRACT, ("a", "b"), module), IMAGES)
    with torch.no_grad():
        expected = module(torch.from_numpy(to_float(IMAGES, CONTRACT)))
    for found, wanted in zip(result.outputs.values(), expected, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)
    assert list(result.outputs) == ["a", "b"]
    assert result.latency_ms.shape == (5,)
    assert (result.latency_ms > 0).all()


@pytest.mark.parametrize("name", ["float", "nncase"])
@pytest.mark.parametrize(
    "wrong", [IMAGES.astype(np.float32), IMAGES[:, :, :8], IMAGES[:, :1], IMAGES[0]]
)
def test_inputs_that_break_the_contract_are_refused(name, wrong):
    with pytest.raises(UsageError, match="not uint8"):
        backends.get(name).run(Subject(CONTRACT, ("y",), small_net(), b"k"), wrong)


@pytest.mark.parametrize("name", ["float", "nncase"])
def test_a_model_in_the_wrong_form_is_refused(name):
    with pytest.raises(UsageError, match="needs a"):
        backends.get(name).run(Subject(CONTRACT, ("y",)), IMAGES)


@pytest.mark.sim
def test_a_corrupt_kmodel_is_an_error_and_the_next_call_works():
    from tests.compiler.test_build import deployable, run_both

    target = deployable(small_net())
    compiled, _, found = run_both(target)
    inputs = target.evaluation.inputs
    broken = Subject(target.contract, ("y",), kmodel=compiled.kmodel[: len(compiled.kmodel) // 2])
    with pytest.raises(SimulationError):
        backends.get("nncase").run(broken, inputs)
    whole = Subject(target.contract, ("y",), kmodel=compiled.kmodel)
    again = backends.get("nncase").run(whole, inputs).outputs["y"]
    np.testing.assert_array_equal(again, found["y"])


@given(
    low=st.floats(-2, 2),
    span=st.floats(0.1, 3),
    mean=st.floats(-1, 1),
    std=st.floats(0.1, 2),
    byte=st.integers(0, 255),
)
def test_bytes_become_floats_as_the_contract_says(low, span, mean, std, byte):
    contract = InputContract((1, 1, 1), "GRAY", (low, low + span), (mean,), (std,))
    found = to_float(np.full((1, 1, 1, 1), byte, np.uint8), contract).item()
    assert found == pytest.approx((low + byte * span / 255 - mean) / std, rel=1e-4, abs=1e-4)
