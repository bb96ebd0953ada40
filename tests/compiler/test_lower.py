"""nncase misreads newer ONNX; each form here is compiled and compared with ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.compiler.lower import to_nncase_dialect
from harness.compiler.worker.client import get_worker
from harness.errors import CompileError

SHAPE = (1, 3, 16, 16)


def graph(nodes, constants, output_shape, opset):
    """A 1x1 convolution to 8 channels, named `x`, and what a test appends."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(8, 3, 1, 1)).astype(np.float32), **constants}
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("Conv", ["image", "w"], ["x"], "first"), *nodes],
            "g",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, SHAPE)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)],
            [numpy_helper.from_array(value, name) for name, value in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def integers(*values):
    return np.array(values, np.int64)


def node(kind, inputs, output="y", **attributes):
    return helper.make_node(kind, inputs, [output], f"the_{kind}", **attributes)


# A pooled column that is broadcast again: sizes computed from Shape, as exporters write them.
COMPUTED_SIZES = [
    node("Shape", ["x"], "shape"),
    node("Gather", ["shape", "two"], "height"),
    node("Div", ["height", "two_d"], "half"),
    node("Concat", ["zero_one", "half"], "ends", axis=0),
    node("Slice", ["x", "starts", "ends", "axes"]),
]
FORMS = {
    "reduce mean, axes as input (18)": graph(
        [node("ReduceMean", ["x", "axes"], keepdims=0)], {"axes": integers(2, 3)}, (1, 8), 18
    ),
    "reduce max over channels (18)": graph(
        [node("ReduceMax", ["x", "axes"], keepdims=1)], {"axes": integers(1)}, (1, 1, 16, 16), 18
    ),
    "the last column (13)": graph(
        [node("Gather", ["x", "last"], axis=3)], {"last": np.array(-1)}, (1, 8, 16), 13
    ),
    "columns from both ends, by one list along two axes (13)": graph(
        [
            helper.make_node("Gather", ["x", "ends"], ["columns"], "columns", axis=3),
            node("Gather", ["columns", "ends"], axis=1),
        ],
        {"ends": integers(-1, 0, -2)},
        (1, 3, 16, 3),
        13,
    ),
    "enlarged to a size (13)": graph(
        [
            node(
                "Resize",
                ["x", "", "", "size"],
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
        ],
        {"size": integers(1, 8, 40, 48)},
        (1, 8, 40, 48),
        13,
    ),
    "no less than (13)": graph(
        [node("Clip", ["x", "low", ""])], {"low": np.array(0.25, np.float32)}, (1, 8, 16, 16), 13
    ),
    "no more than (13)": graph(
        [node("Clip", ["x", "", "high"])], {"high": np.array(0.25, np.float32)}, (1, 8, 16, 16), 13
    ),
    "reduce sum, axes as input (13)": graph(
        [node("ReduceSum", ["x", "axes"], keepdims=1)], {"axes": integers(1)}, (1, 1, 16, 16), 13
    ),
    "unsqueeze, axes as input (13)": graph(
        [
            node("ReduceMean", ["x", "hw"], "pooled", keepdims=0),
            node("Unsqueeze", ["pooled", "hw"], "column"),
            node("Mul", ["x", "column"]),
        ],
        {"hw": integers(2, 3)},
        (1, 8, 16, 16),
        18,
    ),
    "squeeze, axes as input (13)": graph(
        [
            node("ReduceMax", ["x", "axes"], "one", keepdims=1),
            node("Squeeze", ["one", "axes"]),
        ],
        {"axes": integers(1)},
        (1, 16, 16),
        18,
    ),
    "slice to a size computed in the graph": graph(
        COMPUTED_SIZES,
        {
            "two": integers(2),
            "two_d": integers(2),
            "zero_one": integers(4),
            "starts": integers(0, 0),
            "axes": integers(1, 2),
        },
        (1, 4, 8, 16),
        13,
    ),
}


@pytest.mark.sim
@pytest.mark.parametrize("form", FORMS)
def test_compiles_to_the_same_function(form):
    data = FORMS[form]
    images = np.random.default_rng(1).integers(0, 256, (4, *SHAPE[1:]), dtype=np.uint8)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    floats = (images / 255).astype(np.float32)
    expected = np.concatenate([session.run(None, {"image": item[None]})[0] for item in floats])
    compiled = get_worker().compile(
        to_nncase_dialect(data),
        "onnx",
        input_shape=SHAPE,
        input_range=(0.0, 1.0),
        calibration=images,
    )
    found = get_worker().simulate(compiled.kmodel, images).outputs[0].reshape(expected.shape)
    noise = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert noise < 0.02


def test_folding_keeps_the_function():
    data = FORMS["slice to a size computed in the graph"]
    folded = to_nncase_dialect(data)
    assert [n.op_type for n in onnx.load_model_from_string(folded).graph.node] == ["Conv", "Slice"]
    image = np.random.default_rng(2).normal(size=SHAPE).astype(np.float32)
    results = [
        onnxruntime.InferenceSession(d, providers=["CPUExecutionProvider"]).run(
            None, {"image": image}
        )[0]
        for d in (data, folded)
    ]
    np.testing.assert_array_equal(*results)


def test_axes_that_depend_on_the_input_are_refused():
    nodes = [
        node("Shape", ["image"], "unused"),
        node("ReduceMax", ["image"], "peak", keepdims=0),
        node("Cast", ["peak"], "axis", to=TensorProto.INT64),
        node("Reshape", ["axis", "one"], "axes"),
        node("ReduceMean", ["x", "axes"], keepdims=1),
    ]
    data = graph(nodes, {"one": integers(1)}, ("a", "b", "c", "d"), 18)
    with pytest.raises(CompileError, match="axes of ReduceMean at layer the_ReduceMean"):
        to_nncase_dialect(data)
