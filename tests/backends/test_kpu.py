import time

import numpy as np
import pytest

import harness.backends as backends
import harness.simulator
from harness.backends import Subject
from harness.compare import compare
from harness.errors import KModelError, SimulationError, UsageError
from harness.method import InputContract
from tests.simulator.conftest import KMODELS

CONTRACT = InputContract((3, 64, 64))
KMODEL = (KMODELS / "residual.kmodel").read_bytes()
GOLDEN = np.load(KMODELS / "residual.npz")


def run(kmodel=KMODEL, inputs=GOLDEN["input_0"], outputs=("y",)):
    return backends.get("kpu").run(Subject(CONTRACT, outputs, kmodel=kmodel), inputs)


@pytest.mark.parametrize("count", [0, 1, 8, 11])
def test_batches_of_any_size(count):
    result = run(inputs=np.resize(GOLDEN["input_0"], (count, 3, 64, 64)))
    assert result.latency_ms.shape == (count,)
    if count:
        expected = np.resize(GOLDEN["output_0"], (count, 7, 32, 32))
        np.testing.assert_array_equal(result.outputs["y"], expected)


def test_the_first_run_warms_up_and_is_no_latency(monkeypatch):
    real, seen = harness.simulator.Simulator.__call__, []

    def slow_at_first(self, images):
        seen.append(len(images))
        if len(seen) == 1:
            time.sleep(2)
        return real(self, images)

    monkeypatch.setattr(harness.simulator.Simulator, "__call__", slow_at_first)
    result = run(inputs=GOLDEN["input_0"][:2])
    assert seen == [1, 2]
    assert result.latency_ms.max() < 1000
    np.testing.assert_array_equal(result.outputs["y"], GOLDEN["output_0"][:2])


def test_what_cannot_be_run_is_refused():
    with pytest.raises(KModelError, match="kmodel byte"):
        run(kmodel=KMODEL[:100])
    with pytest.raises(UsageError, match="needs a kmodel"):
        run(kmodel=None)
    with pytest.raises(UsageError, match="not uint8"):
        run(inputs=GOLDEN["input_0"][:, :, :32])
    with pytest.raises(SimulationError, match="1 outputs, the contract names 2"):
        run(outputs=("a", "b"))


def test_a_comparison_names_the_first_element_that_differs():
    found = run().outputs
    changed = {"y": found["y"].copy()}
    changed["y"][2, 1, 5, 7] += 0.5
    changed["y"][3] += 1
    first = compare(found, changed, ids=[f"i{n}" for n in range(8)]).outputs["y"].first_difference
    assert first is not None
    assert (first.item, first.index) == ("i2", (1, 5, 7))
    assert first.candidate == changed["y"][2, 1, 5, 7]
    assert compare(found, found).outputs["y"].first_difference is None


@pytest.mark.sim
def test_the_two_simulators_agree_to_the_bit():
    from harness.pipeline.measure import measure
    from tests.compiler.networks import small_net
    from tests.compiler.test_build import deployable

    measured = measure(deployable(small_net()), ("float", "nncase", "kpu"))
    pairs = {(one.reference, one.candidate): one for one in measured.comparisons}
    assert set(pairs) == {("float", "nncase"), ("float", "kpu"), ("nncase", "kpu")}
    assert pairs["nncase", "kpu"].outputs["y"].first_difference is None
    assert pairs["float", "kpu"].outputs["y"].first_difference is not None


@pytest.mark.sim
def test_a_wrong_simulator_is_told_its_first_wrong_layer(monkeypatch):
    import harness.simulator
    from harness.pipeline.measure import measure
    from harness.pipeline.record import comparison_records
    from tests.compiler.networks import small_net
    from tests.compiler.test_build import deployable

    faulty = []

    class Faulty(harness.simulator.Simulator):
        """One addend of the second KPU layer is another."""

        def __init__(self, program):
            super().__init__(program)
            name = [o.name for o in program.operations if o.kind() == "kpu_conv2d"][1]
            layer = self.layers[name]
            layer.fused = None
            layer.chain.addend[3] -= 400_000_000
            faulty.append(name)

    monkeypatch.setattr(harness.simulator, "Simulator", Faulty)
    measured = measure(deployable(small_net()), ("float", "nncase", "kpu"))
    records = {(r.reference, r.candidate): r for r in comparison_records(measured.comparisons)}
    first = records["nncase", "kpu"].first_difference
    assert first.layer == faulty[0]
    assert first.index[1] == 3
    assert first.reference != first.candidate
    # Floats and bytes differ everywhere: that is no fault of a layer.
    assert records["float", "kpu"].first_difference.layer is None
