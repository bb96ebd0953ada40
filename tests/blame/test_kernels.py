"""Every operator in PyTorch, on batches, against ONNX's own reference, one picture at a time."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from harness.blame.graph import Graph
from harness.blame.kernels import KERNELS

RNG = np.random.default_rng(0)
MAP = (1, 6, 8, 10)


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


CASES = [
    ("ConvTranspose", [floats(6, 4, 4, 4), floats(4)], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("ConvTranspose", [floats(6, 2, 3, 3)], {"strides": [2, 2], "output_padding": [1, 1]}),
    ("ConvTranspose", [floats(6, 4, 2, 2)], {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
    ("InstanceNormalization", [floats(6), floats(6)], {"epsilon": 1e-3}),
    ("PRelu", [floats(6, 1, 1)], {}),
    ("PRelu", [floats(1)], {}),
    ("Reshape", [ints(1, 2, -1)], {}),
    ("Reshape", [ints(0, 0, 80)], {}),
    ("Transpose", [], {"perm": [0, 2, 3, 1]}),
    ("DepthToSpace", [], {"blocksize": 1, "mode": "CRD"}),
    ("Pad", [ints(0, 0, 2, 1, 0, 0, 0, 3), np.array(1.5, np.float32)], {}),
    ("Pad", [ints(0, 0, 2, 1, 0, 0, 1, 3)], {"mode": "reflect"}),
    ("Pad", [ints(0, 0, 2, 1, 0, 0, 1, 3)], {"mode": "edge"}),
    ("Pad", [ints(0, 1, 0, 0, 0, 2, 0, 0)], {}),
]


def graph_of(kind, constants, attributes, shape=MAP):
    loose = made_graph(kind, constants, attributes, shape, None)
    (result,) = ReferenceEvaluator(loose).run(None, {"x": np.zeros(shape, np.float32)})
    return made_graph(kind, constants, attributes, shape, result.shape)


def made_graph(kind, constants, attributes, shape, result):
    names = [f"c{place}" for place in range(len(constants))]
    node = helper.make_node(kind, ["x", *names], ["y"], **attributes)
    made = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        [numpy_helper.from_array(one, name) for one, name in zip(constants, names, strict=True)],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def compared(model, x):
    """Return a batch by our kernels, and picture by picture by the reference."""
    onnx.checker.check_model(model)
    found = Graph(model.SerializeToString()).run(torch.from_numpy(x))["y"].numpy()
    reference = ReferenceEvaluator(model)
    return found, np.concatenate([reference.run(None, {"x": one[None]})[0] for one in x])


@pytest.mark.parametrize(("kind", "constants", "attributes"), CASES)
def test_a_kernel_is_the_operator(kind, constants, attributes):
    x = floats(3, *MAP[1:])
    found, expected = compared(graph_of(kind, constants, attributes), x)
    assert found.shape == expected.shape
    assert np.allclose(found, expected, atol=2e-5)
    assert kind in KERNELS


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_a_pixel_shuffle_is_that_of_its_order(mode):
    shape = (1, 12, 3, 4)
    model = graph_of("DepthToSpace", [], {"blocksize": 2, "mode": mode}, shape)
    found, expected = compared(model, floats(2, *shape[1:]))
    assert np.array_equal(found, expected)


def test_a_padding_by_a_negative_number_cuts_off():
    x = floats(2, *MAP[1:])
    pads = ints(0, 0, 1, 0, 0, 0, -2, -3)
    model = made_graph("Pad", [pads], {}, MAP, (1, 6, 7, 7))
    found = Graph(model.SerializeToString()).run(torch.from_numpy(x))["y"].numpy()
    assert np.array_equal(found[:, :, 0], np.zeros((2, 6, 7)))
    assert np.array_equal(found[:, :, 1:], x[:, :, :6, :7])


def test_sizes_that_follow_from_the_picture_are_known():
    """PyTorch writes the shape behind a group normalisation as that of the tensor before it."""
    module = torch.nn.GroupNorm(2, 6).eval()
    torch.nn.init.normal_(module.weight)
    from harness.compiler.source import source_of_module
    from harness.method import InputContract

    first = torch.nn.Conv2d(3, 6, 3)
    net = torch.nn.Sequential(first, module).eval()
    data = source_of_module(net, "net", InputContract((3, 8, 9)), ("out",)).data
    x = torch.rand(4, 3, 8, 9)
    with torch.inference_mode():
        assert torch.allclose(Graph(data).run(x)["out"], net(x), atol=1e-5)
