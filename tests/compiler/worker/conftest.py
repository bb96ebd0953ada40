"""Tiny networks made here, and one nncase process that a module's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.compiler.worker.client import Worker
from harness.compiler.worker.environment import WorkerEnvironment, ensure


@dataclass(frozen=True)
class Network:
    """Convolutions 3x3 with ReLU, as ONNX, and bytes to calibrate it with."""

    onnx: bytes
    input_shape: tuple[int, int, int, int]
    calibration: np.ndarray

    def compile(self, worker: Worker, **options):
        return worker.compile(
            self.onnx,
            "onnx",
            input_shape=self.input_shape,
            input_range=(0.0, 1.0),
            calibration=self.calibration,
            **options,
        )


def make_network(channels: tuple[int, ...], side: int, images: int) -> Network:
    rng = np.random.default_rng(0)
    nodes, weights = [], []
    for layer, (inside, outside) in enumerate(pairwise(channels)):
        scale = 1 / np.sqrt(9 * inside)
        values = rng.normal(0, scale, (outside, inside, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"w{layer}"))
        nodes.append(
            helper.make_node("Conv", [f"x{layer}", f"w{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1])
        )
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"x{layer + 1}"]))
    shape = (1, channels[0], side, side)
    output = helper.make_tensor_value_info(
        f"x{len(channels) - 1}", TensorProto.FLOAT, [1, channels[-1], side, side]
    )
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)],
        [output],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    calibration = rng.integers(0, 256, (images, *shape[1:]), dtype=np.uint8)
    return Network(onnx.shape_inference.infer_shapes(model).SerializeToString(), shape, calibration)


@pytest.fixture(scope="session")
def tiny() -> Network:
    return make_network((3, 4, 5), side=16, images=8)


@pytest.fixture(scope="session")
def slow() -> Network:
    """Compiles for many seconds, so that there is a middle to be disturbed in."""
    return make_network((3, 64, 64, 64, 64), side=64, images=200)


@pytest.fixture(scope="session")
def environment() -> WorkerEnvironment:
    return ensure()


@pytest.fixture(scope="module")
def worker(environment) -> Iterator[Worker]:
    with Worker(environment) as worker:
        yield worker


@pytest.fixture(scope="module")
def kmodel(worker, tiny) -> bytes:
    return tiny.compile(worker).kmodel
