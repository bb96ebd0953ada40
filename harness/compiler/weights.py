"""Weights that are no numbers, which nncase takes without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import numpy_helper

from harness.compiler import onnx_graph, tflite_graph
from harness.errors import CompileError

# Infinity is a bound elsewhere, that of a Clip for instance.
_MULTIPLYING = {
    "onnx": frozenset({"BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul"}),
    "tflite": frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}),
}

Reading = Iterator[tuple[str, str, str, npt.NDArray[np.generic]]]


@dataclass(frozen=True)
class NotFinite:
    """A tensor of weights that holds NaN, or an infinity to multiply with.

    Attributes:
        layer: The first node that reads it.
        name: Its own name.
        values: What it holds, and how many of that.
    """

    layer: str
    name: str
    values: str


def not_finite(kind: str, data: bytes) -> tuple[NotFinite, ...]:
    """Return what a model holds that is no number, each tensor once.

    Args:
        kind: "onnx" or "tflite".
        data: The model.

    Raises:
        CompileError: It cannot be read.
    """
    found: dict[str, NotFinite] = {}
    for layer, operator, name, values in _READERS[kind](data):
        if said := _wrong(values, operator in _MULTIPLYING[kind]):
            found.setdefault(name, NotFinite(layer, name, said))
    return tuple(found.values())


def check_weights(kind: str, data: bytes) -> None:
    """Make sure that the weights of a model are numbers.

    Args:
        kind: "onnx" or "tflite".
        data: The model.

    Raises:
        CompileError: Some are not; the first tensor is named.
    """
    found = not_finite(kind, data)
    if not found:
        return
    first, more = found[0], len(found) - 1
    others = f", as have {more} other tensors" if more > 1 else ", as has one other tensor"
    raise CompileError(
        f"{first.name} of layer {first.layer} has {first.values}{others * bool(more)}",
        "train again, or mend them: nothing that is computed from them is a number",
    )


def _onnx(data: bytes) -> Reading:
    graph = onnx_graph.parse(data).graph
    tensors = {one.name: one for one in graph.initializer}
    # What is no parameter of the module, PyTorch exports as a node.
    constants = [node for node in graph.node if node.op_type == "Constant"]
    tensors |= {
        node.output[0]: a.t for node in constants for a in node.attribute if a.HasField("t")
    }
    for node in graph.node:
        for name in node.input:
            if name in tensors:
                layer = node.name or node.output[0]
                yield layer, node.op_type, name, numpy_helper.to_array(tensors[name])


_READERS: dict[str, Callable[[bytes], Reading]] = {"onnx": _onnx, "tflite": tflite_graph.weights}


def _wrong(values: npt.NDArray[np.generic], multiplying: bool) -> str:
    if values.dtype.kind != "f":
        return ""
    wrong = ~np.isfinite(values) if multiplying else np.isnan(values)
    kinds = sorted(f"{value:g}" for value in np.unique(values[wrong]).tolist())
    return f"{' and '.join(kinds)} in {wrong.sum()} of {values.size} weights" if kinds else ""
