"""A fault is put into one layer, and the comparison with nncase has to find it."""

import dataclasses

import numpy as np
import pytest

from harness.compare import compare
from harness.compare.layers import first_layer, locate
from harness.compiler.worker.client import get_worker
from harness.kmodel import load
from harness.kmodel.operations import Dequantize, KpuConv2d
from harness.simulator import Simulator
from tests.simulator.conftest import KMODELS

pytestmark = pytest.mark.sim

MOBILENET = KMODELS / "mbv1_025_128.kmodel"
IMAGES = np.load(MOBILENET.with_suffix(".npz"))["input_0"]


def faulty(path, number):
    """Return a simulator with one weight of its n-th KPU layer changed, and that layer's name."""
    right = load(path)
    layer = [o for o in right.operations if isinstance(o, KpuConv2d)][number]
    weights = layer.weights.copy()
    weights[2, 0, 0, 0] ^= 0x40
    wrong = dataclasses.replace(layer, weights=weights)
    return simulator_of(right, replaced(right, layer, wrong)), layer.name


def simulator_of(right, wrong):
    """Return a simulator that takes itself for one of a program, and runs another."""
    simulator = Simulator(wrong)
    simulator.program = right
    return simulator


def replaced(program, old, new):
    operations = tuple(new if one is old else one for one in program.operations)
    return dataclasses.replace(program, operations=operations)


@pytest.mark.parametrize("number", [0, 1, 13, 26])
def test_a_wrong_weight_is_found_in_a_chain(number):
    simulator, name = faulty(MOBILENET, number)
    asked = []

    def run(kmodel, x):
        asked.append(kmodel)
        return get_worker().simulate(kmodel, x).outputs

    found = first_layer(simulator, IMAGES[0], run)
    assert found is not None
    assert found.layer == name
    assert found.index[1] == 2
    assert found.reference != found.candidate
    assert len(asked) < 15


@pytest.mark.parametrize("number", [0, 1, 3, 5])
def test_a_wrong_weight_is_found_behind_a_branch(number):
    path = KMODELS / "residual.kmodel"
    simulator, name = faulty(path, number)
    found = first_layer(simulator, np.load(path.with_suffix(".npz"))["input_0"][0])
    assert found is not None
    assert (found.layer, found.index[1]) == (name, 2)


def test_a_wrong_operation_of_the_cpu_is_found():
    right = load(MOBILENET)
    last = next(o for o in right.operations if isinstance(o, Dequantize))
    wrong = dataclasses.replace(last, bias=last.bias + 1)
    found = first_layer(simulator_of(right, replaced(right, last, wrong)), IMAGES[0])
    assert found is not None
    assert found.layer == last.name
    assert found.index == (0, 0, 0, 0)
    assert found.candidate - found.reference == pytest.approx(1, abs=1e-5)


def test_where_nothing_differs_nothing_is_found():
    assert first_layer(Simulator(load(MOBILENET)), IMAGES[0]) is None


def test_values_that_are_no_number_in_both_do_not_differ():
    right = load(MOBILENET)
    last = next(o for o in right.operations if isinstance(o, Dequantize))
    program = replaced(right, last, dataclasses.replace(last, bias=float("nan")))
    assert first_layer(Simulator(program), IMAGES[0]) is None


def test_a_comparison_names_the_layer():
    simulator, name = faulty(MOBILENET, 4)
    right = {"y": Simulator(load(MOBILENET))(IMAGES)["output_0"].numpy()}
    wrong = {"y": simulator(IMAGES)["output_0"].numpy()}
    ids = [f"i{n}" for n in range(8)]
    items = dict(zip(ids, IMAGES, strict=True))
    for names in (("nncase", "kpu"), ("kpu", "nncase")):
        pair = (right, wrong) if names[1] == "kpu" else (wrong, right)
        comparison = locate(compare(*pair, names=names, ids=ids), simulator, items)
        first = comparison.outputs["y"].first_difference
        assert (first.layer, first.item) == (name, "i0")
        values = (first.reference, first.candidate)
        found = first_layer(simulator, IMAGES[0])
        expected = (found.reference, found.candidate)
        assert values == (expected if names[1] == "kpu" else expected[::-1])
    same = compare(right, right, names=("nncase", "kpu"), ids=ids)
    assert locate(same, simulator, items) == same
