"""Who is named: by what each stage costs, by what was asked, and by what is simply wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from harness.blame.analyse import analyse
from harness.blame.board_check import simulate
from harness.blame.findings import Findings
from harness.blame.hints import Seen, hints
from harness.blame.losses import shares
from harness.blame.result import Asked, LayerError, LayerRow
from harness.blame.verdict import judge
from harness.compiler.contract import ModelContract
from harness.kmodel import load, save
from tests.blame import cases

STAGES = ("weights", "activations", "kpu")


def error(mse, signal=1.0):
    snr_db = None if mse == 0 else 10 * np.log10(signal / mse)
    return LayerError(snr_db, 1.0, mse, 0.0)


def found(*powers, asked=(), rows=(), name="y"):
    """Findings of a model whose one output has errors of such powers, column by column."""
    errors = dict(zip(STAGES, map(error, powers), strict=True))
    return Findings(rows=rows, channel_snr={}, links={}, outputs={name: errors}, asked=asked)


def asked(*, held, own, name="y"):
    return (Asked(name, held, own, f"output {name}: rmse 0.03 (at most 0.04)"),)


@given(powers=st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_shares_of_an_error_are_of_the_whole(powers):
    cost = shares(found(*powers))
    grown = [max(0.0, b - a) for a, b in zip([0, *powers], powers, strict=False)]
    if not sum(grown):
        assert cost == {}
        return
    assert sum(cost.values()) == pytest.approx(1)
    assert list(cost) == list(STAGES)
    assert max(cost, key=cost.get) == STAGES[int(np.argmax(grown))]


@pytest.mark.parametrize(
    ("powers", "stage"),
    [((0.02, 0.021, 0.022), "weights"), ((0.001, 0.02, 0.021), "activations"),
     ((0.005, 0.007, 0.018), "compiler")],
)  # fmt: skip
def test_an_output_that_is_lost_together_is_blamed_on_what_costs_most(powers, stage):
    verdict = judge(found(*powers))
    assert verdict.stage == stage
    assert "all together" in verdict.evidence[0]
    assert "of the error's power" in verdict.evidence[1]


def test_a_tolerance_of_the_methods_own_counts_and_nothing_else():
    lost = (0.01, 0.015, 0.03)
    assert judge(found(*lost)).stage == "compiler"
    verdict = judge(found(*lost, asked=asked(held=True, own=True)))
    assert (verdict.stage, verdict.held) == ("none", True)
    assert verdict.evidence[0] == "output y: rmse 0.03 (at most 0.04)"
    assert "50% is the chip's arithmetic" in verdict.evidence[1]
    # A default tolerance that holds says nothing; one that does not hold is somebody's to blame.
    assert judge(found(*lost, asked=asked(held=True, own=False))).stage == "compiler"
    good = (1e-6, 2e-6, 9e-6)
    assert judge(found(*good)).stage == "none"
    verdict = judge(found(*good, asked=asked(held=False, own=False)))
    assert verdict.stage == "compiler"
    assert "rmse 0.03" in verdict.evidence[0]


def row(name, **snr):
    return LayerRow(
        name, "", f"/{name}", "KPU", alone={c: error(10 ** (-v / 10)) for c, v in snr.items()}
    )


def test_a_layer_is_not_blamed_for_what_the_chip_does_not_lose():
    """A column that was put together wrongly loses what the kmodel does not."""
    misread = row("a", weights=5.0, activations=5.0, kpu=45.0)
    assert judge(found(1e-5, 1e-5, 1e-5, rows=(misread,))).stage == "none"
    real = row("a", weights=50.0, activations=12.0, kpu=12.0)
    verdict = judge(found(1e-5, 0.1, 0.1, rows=(real,)))
    assert (verdict.stage, verdict.layer) == ("activations", "a")


def told(suspect):
    blame = analyse(suspect)
    contract = ModelContract(schema=1, name="net", outputs=(), kmodel_sha256="")
    return blame.verdict, hints(Seen(blame.rows, blame.verdict, contract, suspect.images))


@pytest.fixture(scope="module")
def healthy():
    return cases.healthy(1)


def with_nan(data, count):
    """Put NaN into the weights of the second convolution, and return its name, too."""
    model = onnx.load_model_from_string(data)
    node = [one for one in model.graph.node if one.op_type == "Conv"][1]
    tensor = next(one for one in model.graph.initializer if one.name == node.input[1])
    weights = numpy_helper.to_array(tensor).copy()
    weights.flat[:count] = np.nan
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    return model.SerializeToString(), node.name, weights.size


@pytest.mark.sim
@pytest.mark.filterwarnings("error")
def test_a_float_model_that_gives_nan_is_itself_to_blame(healthy):
    data, node, size = with_nan(healthy.onnx, 3)
    verdict, hint = told(replace(healthy, onnx=data, floats=None))
    assert (verdict.stage, verdict.layer) == ("float model", "02_kpu_conv2d")
    (line,) = verdict.evidence
    assert f"{node} gives NaN in" in line
    assert f"of its {size} weights 3 are NaN" in line
    assert [one.kind for one in hint] == ["float model"]


def damaged(kmodel, name, **registers):
    program = load(kmodel)
    layer = program.operation(name)
    other = replace(layer, registers=replace(layer.registers, **registers))
    operations = tuple(other if one.name == name else one for one in program.operations)
    return save(replace(program, operations=operations))


@pytest.mark.sim
def test_a_damaged_register_is_the_files_and_not_the_compilers(healthy):
    kmodel = damaged(healthy.kmodel, "02_kpu_conv2d", arg_add=1 << 20)
    verdict, hint = told(replace(healthy, kmodel=kmodel))
    assert (verdict.stage, verdict.layer) == ("file", "02_kpu_conv2d")
    assert "nncase would have written other bytes" in verdict.evidence[0]
    assert "register arg_add is 1048576" in verdict.evidence[1]
    # What a broken file loses says nothing of tables, ranges or channels.
    assert [one.kind for one in hint] == ["file"]


@pytest.mark.sim
def test_a_kmodel_of_another_network_is_said_to_be_one(healthy):
    verdict, hint = told(replace(healthy, kmodel=cases.healthy(3).kmodel))
    assert verdict.stage == "file", verdict
    assert "of another network, or of other weights, than model.onnx" in verdict.evidence[0]
    assert [one.kind for one in hint] == ["file"]


@pytest.mark.sim
def test_outputs_that_the_run_did_not_have_are_another_files(healthy):
    """What no law sees, such as another pooling of the same stride, shows in the outputs."""
    program = load(healthy.kmodel)
    now = simulate(program, healthy.images)
    verdict, _ = told(replace(healthy, kpu=now))
    assert verdict.stage == "none", verdict
    then = {name: value + np.abs(value).max() for name, value in now.items()}
    verdict, _ = told(replace(healthy, kpu=then))
    assert verdict.stage == "file"
    assert "not the one that the run measured" in verdict.evidence[0]


@pytest.mark.sim
def test_edits_of_the_contract_come_before_all_that_they_spoil(healthy):
    verdict, hint = told(replace(healthy, edits=("contract.json says color BGR, …",)))
    assert verdict.stage == "input contract"
    assert [one.kind for one in hint] == ["input contract"]
