"""Each ONNX operator that nncase 1.9 leaves to the K210's CPU, against nncase's simulator."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.compiler.lower import to_nncase_dialect
from harness.compiler.worker.client import get_worker
from harness.errors import CompileError, SimulationError
from harness.kmodel import load
from harness.simulator import Simulator

pytestmark = pytest.mark.sim

SHAPE = 1, 3, 6, 8
FLOAT, INT32, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
)
RNG = np.random.default_rng(0)


def node(kind, inputs, output="y", **attributes):
    return helper.make_node(kind, inputs.split(), output.split(), **attributes)


def ints(values):
    return np.array(values, np.int64)


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


class Graph:
    """Nodes from x [1, 3, 6, 8] to y, with constants by name, and what has to be in the kmodel."""

    def __init__(self, kind, *nodes, result=FLOAT, atol=0.0, scale=1.0, **constants):
        self.kind, self.nodes, self.result, self.atol = kind, nodes, result, atol
        self.constants, self.scale = constants, scale

    def model(self):
        graph = helper.make_graph(
            self.nodes,
            "g",
            [helper.make_tensor_value_info("x", FLOAT, SHAPE)],
            [helper.make_tensor_value_info("y", self.result, None)],
            [numpy_helper.from_array(np.asarray(v), k) for k, v in self.constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return onnx.shape_inference.infer_shapes(model).SerializeToString()


def gru(direction="forward", ways=1, before=0, output="y"):
    """A GRU of 5 units over 6 steps of 24 numbers. tanh and exp are within 2 units of glibc's."""
    return Graph(
        "gru",
        node("Reshape", "x shape", "steps"),
        node(
            "GRU",
            "steps w r b",
            output,
            hidden_size=5,
            direction=direction,
            linear_before_reset=before,
        ),
        atol=2e-6,
        shape=ints([6, 1, 24]),
        w=floats(ways, 15, 24) * np.float32(0.3),
        r=floats(ways, 15, 5) * np.float32(0.3),
        b=floats(ways, 30) * np.float32(0.3),
    )


def lstm(direction, ways):
    """nncase makes KPU layers and look-ups of it."""
    return Graph(
        "kpu_conv2d",
        node("Reshape", "x shape", "steps"),
        node("LSTM", "steps w r b", "y", hidden_size=5, direction=direction),
        shape=ints([6, 1, 24]),
        w=floats(ways, 20, 24),
        r=floats(ways, 20, 5),
        b=floats(ways, 40),
    )


def reduced(kind, **attributes):
    return Graph(kind, node(attributes.pop("node"), "x", **attributes), result=INT64)


def regions(mode, ratio, scale):
    corners = np.array([[0, 0, 4, 4], [1, 1.5, 6, 5], [-3, -3, 1, 1], [5, 4, 12, 9]], np.float32)
    attributes = {"output_height": 2, "output_width": 3, "mode": mode}
    return Graph(
        "roi_align",
        node("RoiAlign", "x r i", sampling_ratio=ratio, spatial_scale=scale, **attributes),
        r=corners,
        i=ints([0, 0, 0, 0]),
    )


def one_hot(axis):
    return Graph(
        "one_hot",
        node("ArgMax", "x", "i", axis=1, keepdims=0),
        node("OneHot", "i depth values", axis=axis),
        depth=ints(3),
        values=np.array([-1, 2], np.float32),
    )


def cumsum(exclusive, reverse):
    flags = {"exclusive": exclusive, "reverse": reverse}
    return Graph("cumsum", node("CumSum", "x axis", **flags), axis=ints(2))


def top_k(output, axis, k, largest, result=FLOAT):
    return Graph("top_k", node("TopK", "x k", output, axis=axis, largest=largest), k=ints([k]),
                 result=result)  # fmt: skip


GRAPHS = {
    "gather": Graph("gather", node("Gather", "x i", axis=1), i=ints([2, 0])),
    "gather_one": Graph("gather", node("Gather", "x i", axis=2), i=ints(1)),
    "gather_table": Graph("gather", node("Gather", "x i", axis=3), i=ints([[0, 7, 3], [3, 3, 1]])),
    "gather_first_axis": Graph("gather", node("Gather", "x i", axis=0), i=ints([0, 0])),
    "gather_nd": Graph(
        "gather_nd", node("GatherND", "x i", batch_dims=1), i=ints([[[1, 2], [0, 5]]])
    ),
    "gather_elements": Graph(
        "gather_elements",
        node("GatherElements", "x i", axis=2),
        i=RNG.integers(-6, 6, (1, 3, 4, 8)),
    ),
    "arg_max": reduced("reduce_arg", node="ArgMax", axis=1),
    "arg_max_dropped": reduced("reduce_arg", node="ArgMax", axis=2, keepdims=0),
    "arg_max_last": reduced("reduce_arg", node="ArgMax", axis=1, select_last_index=1),
    "arg_min": reduced("reduce_arg", node="ArgMin", axis=3),
    "arg_max_as_float": Graph(
        "convert", node("ArgMax", "x", "i", axis=1), node("Cast", "i", to=FLOAT)
    ),
    "top_k": top_k("y i", 3, 3, 1),
    "top_k_least": top_k("y i", 2, 2, 0),
    "top_k_indices": top_k("v y", 1, 2, 1, INT64),
    "one_hot": one_hot(1),
    "one_hot_behind": one_hot(-1),
    "cumsum": cumsum(0, 0),
    "cumsum_before": cumsum(1, 0),
    "cumsum_reverse": cumsum(0, 1),
    "cumsum_before_reverse": cumsum(1, 1),
    "product": Graph("reduce_prod", node("ReduceProd", "x", axes=[2])),
    "product_of_two_axes": Graph("reduce_prod", node("ReduceProd", "x", axes=[1, 3], keepdims=0)),
    "layer_norm": Graph(
        "layer_normalization",
        node("LayerNormalization", "x s b", axis=-1),
        s=floats(8),
        b=floats(8),
    ),
    "layer_norm_of_two_axes": Graph(
        "layer_normalization",
        node("LayerNormalization", "x s b", axis=2, epsilon=1e-3),
        s=floats(6, 8),
        b=floats(6, 8),
    ),
    "hardmax": Graph("hardmax", node("Hardmax", "x", axis=1)),
    "upper_triangle": Graph("trilu", node("Trilu", "x")),
    "lower_triangle": Graph("trilu", node("Trilu", "x k", upper=0), k=ints(2)),
    "both": Graph(
        "binary",
        node("Greater", "x low", "a"),
        node("Less", "x high", "b"),
        node("And", "a b", "c"),
        node("Cast", "c", to=FLOAT),
        low=np.float32(0.2),
        high=np.float32(0.7),
    ),
    "where": Graph(
        "ternary",
        node("Greater", "x t", "c"),
        node("Neg", "x", "n"),
        node("Where", "c x n"),
        t=RNG.random((3, 6, 8)).astype(np.float32),
    ),
    "less_or_equal": Graph("compare", node("LessOrEqual", "x t"), t=np.float32(0.5), result=BOOL),
    "whole_numbers": Graph("convert", node("Cast", "x", to=INT32), result=INT32, scale=100.0),
    "numbers_past_32_bits": Graph("convert", node("Cast", "x", to=INT32), result=INT32, scale=1e10),
    "matrix_product": Graph("matmul", node("MatMul", "x w"), w=floats(8, 5)),
    "instance_norm": Graph(
        "reduce", node("InstanceNormalization", "x s b"), s=floats(3), b=floats(3)
    ),
    "repeated": Graph("broadcast", node("Expand", "x s"), s=ints([2, 3, 6, 8])),
    "reflected": Graph("pad", node("Pad", "x p", mode="reflect"), p=ints([0, 0, 1, 2, 0, 0, 1, 2])),
    "regions": regions("avg", 2, 1.0),
    "regions_scaled": regions("avg", 0, 0.75),
    "regions_max": regions("max", 0, 1.0),
    "gru": gru(),
    "gru_reset_first": gru(before=1),
    "gru_reverse": gru("reverse"),
    "gru_both_ways": gru("bidirectional", 2),
    "gru_last_state": gru("bidirectional", 2, 1, "all y"),
    "lstm": lstm("forward", 1),
    "lstm_both_ways": lstm("bidirectional", 2),
}


def compiled(graph):
    images = RNG.integers(0, 256, (4, *SHAPE[1:]), dtype=np.uint8)
    images[0], images[1], images[2, :, :3] = 0, 255, 7
    model = to_nncase_dialect(graph.model())
    source = {"input_shape": SHAPE, "input_range": (0.0, graph.scale), "calibration": images}
    return get_worker().compile(model, "onnx", **source).kmodel, images


@pytest.mark.parametrize("name", GRAPHS)
def test_operator(name):
    graph = GRAPHS[name]
    kmodel, images = compiled(graph)
    program = load(kmodel)
    assert graph.kind in {operation.kind() for operation in program.operations}
    found = Simulator(program)(images)["output_0"].numpy()
    # One call an image: nncase's GRU begins where it stopped before (docs/simulator.md).
    expected = [get_worker().simulate(kmodel, image[None]).outputs[0] for image in images]
    assert found.dtype == expected[0].dtype
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=0, atol=graph.atol)


def test_the_state_of_a_recurrent_layer_stays_in_nncase_and_not_here():
    kmodel, images = compiled(gru())
    same = images[[3, 3]]
    here = Simulator(load(kmodel))(same)["output_0"].numpy()
    np.testing.assert_array_equal(here[0], here[1])
    first, second = get_worker().simulate(kmodel, same).outputs[0]
    np.testing.assert_allclose(first, here[0], atol=2e-6)
    assert np.abs(second - first).max() > 1e-3


def test_negative_indices_of_gather_are_refused_as_nncase_reads_something_else(monkeypatch):
    # The harness rewrites them when it compiles; kmodels of others have them.
    monkeypatch.setattr("harness.compiler.lower._count_from_the_start", lambda *_: None)
    kmodel, images = compiled(Graph("gather", node("Gather", "x i", axis=3), i=ints([-1])))
    with pytest.raises(SimulationError, match="gather with indices -1 to -1 into 8 at layer 01"):
        Simulator(load(kmodel))(images)
    theirs = get_worker().simulate(kmodel, images).outputs[0]
    last = images[:, :, :, -1:] / np.float32(255)
    assert np.abs(theirs - last).max() > 0.1


@pytest.mark.parametrize(
    ("operator", "message"),
    [("Erf", "unary_erf"), ("Reciprocal", "Reciprocal"), ("Atan", "Atan"), ("Clip", "Clamp")],
)
def test_what_nncase_refuses(operator, message):
    with pytest.raises(CompileError, match=message):
        compiled(Graph("", node(operator, "x")))
