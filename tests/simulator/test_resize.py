"""Every kind of resize that nncase 1.9 compiles, against its simulator."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.compiler.lower import to_nncase_dialect
from harness.compiler.worker.client import get_worker
from harness.kmodel import load
from harness.kmodel.operations import Resize
from harness.simulator import Simulator

pytestmark = pytest.mark.sim

SHAPE = 3, 9, 13
CENTRES = ["asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"]
SIZES = [(18, 26), (5, 7), (20, 30), (13, 19), (9, 39)]


def resizing(mode, centres, size):
    # A little more than the ratio, because sizes are rounded down.
    ratios = [(out + 0.01) / into for out, into in zip(size, SHAPE[1:], strict=True)]
    scales = np.array([1, 1, *ratios], np.float32)
    nearest = {"nearest_mode": "floor"} if mode == "nearest" else {}
    node = helper.make_node(
        "Resize",
        ["x", "roi", "scales"],
        ["y"],
        mode=mode,
        coordinate_transformation_mode=centres,
        **nearest,
    )
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, SHAPE[0], *sides))]
        for name, sides in (("x", SHAPE[1:]), ("y", size))
    ]
    constants = [
        numpy_helper.from_array(np.zeros(0, np.float32), "roi"),
        numpy_helper.from_array(scales, "scales"),
    ]
    graph = helper.make_graph([node], "g", *ends, constants)
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("centres", CENTRES)
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_resize(mode, centres, size):
    images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
    kmodel = (
        get_worker()
        .compile(
            to_nncase_dialect(resizing(mode, centres, size)),
            "onnx",
            input_shape=(1, *SHAPE),
            input_range=(0.0, 1.0),
            calibration=images,
        )
        .kmodel
    )
    program = load(kmodel)
    assert any(isinstance(operation, Resize) for operation in program.operations)
    found = Simulator(program)(images)["output_0"].numpy()
    np.testing.assert_array_equal(found, get_worker().simulate(kmodel, images).outputs[0])
