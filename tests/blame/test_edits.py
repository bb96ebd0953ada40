"""A contract that was edited: by what the report kept, and by what stands in the ONNX model."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx.onnx_ml_pb2 import TensorProto

from harness.blame.edits import contract_edits
from harness.compiler.onnx_graph import normalisation, with_normalisation
from harness.method import InputContract

MADE = InputContract((3, 8, 8), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.25))


def model(contract):
    """One convolution behind the contract's normalisation."""
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv")
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", (1, 3, 8, 8)), ("y", (1, 2, 8, 8)))
    )
    weights = numpy_helper.from_array(np.ones((2, 3, 1, 1), np.float32), "w")
    graph = helper.make_graph([node], "g", [x], [y], [weights])
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    return with_normalisation(data.SerializeToString(), contract)


@pytest.mark.parametrize(
    "changed",
    [
        {"color": "BGR"},
        {"range": (-1.0, 1.0)},
        {"mean": (0.2, 0.4, 0.3)},
        {"std": (0.2, 0.3, 0.5)},
    ],
)
def test_each_field_that_differs_from_the_report_is_named(changed):
    now = replace(MADE, **changed)
    (line,) = contract_edits(now, MADE, model(MADE), "report.json")
    assert f"contract.json says {next(iter(changed))} " in line
    assert "report.json" in line
    assert contract_edits(MADE, MADE, model(MADE), "report.json") == ()


def test_without_a_report_the_onnx_model_is_the_witness():
    now = replace(MADE, mean=(0.2, 0.4, 0.3))
    (line,) = contract_edits(now, None, model(MADE), "report.json")
    assert "model.onnx normalises with mean 0.5, 0.4 and 0.3" in line
    (line,) = contract_edits(MADE, None, model(InputContract((3, 8, 8))), "report.json")
    assert "model.onnx normalises nothing" in line
    assert contract_edits(MADE, None, model(MADE), "report.json") == ()


def test_mean_and_std_come_back_from_the_layer_that_they_became():
    mean, std = normalisation(model(MADE))
    assert mean == pytest.approx(MADE.mean)
    assert std == pytest.approx(MADE.std)
    assert normalisation(model(InputContract((3, 8, 8)))) is None
