"""Weights that are no numbers, which a compiler takes without a word."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import numpy_helper

from harness.compiler import onnx_graph
from harness.pipeline.check.layers import Naming
from harness.pipeline.check.subject import Subject

# Infinity is a bound elsewhere, that of a Clip for instance.
_MULTIPLYING = frozenset({"BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul"})


def not_finite(subject: Subject) -> tuple[str, ...]:
    """Return a line for each tensor of weights that holds NaN, or an infinity to multiply with."""
    if subject.source.kind != "onnx":
        return ()
    graph = onnx_graph.parse(subject.source.data).graph
    naming, tensors = Naming(subject), {one.name: one for one in graph.initializer}
    found: dict[str, str] = {}
    for node in graph.node:
        for name in node.input:
            values = numpy_helper.to_array(tensors[name]) if name in tensors else np.empty(0)
            if said := _wrong(values, node.op_type in _MULTIPLYING):
                layer, _ = naming.of(node.name or node.output[0])
                found.setdefault(name, f"{layer}: {said}")
    return tuple(found.values())


def _wrong(values: npt.NDArray[np.generic], multiplying: bool) -> str:
    if values.dtype.kind != "f":
        return ""
    wrong = ~np.isfinite(values) if multiplying else np.isnan(values)
    kinds = sorted({f"{value:g}" for value in values[wrong].tolist()})
    return f"{' and '.join(kinds)} in {wrong.sum()} of {values.size} weights" if kinds else ""
