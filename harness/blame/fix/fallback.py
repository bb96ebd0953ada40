"""Layers in float on the CPU, which nncase has no option for.

nncase puts a convolution on the KPU if its kernel is 1x1 or 3x3, and runs all others on the CPU in
float. So the kernel gets more columns, of zeros, and the picture as many columns of padding to the
right: the same function, and no longer one that the KPU has. The columns are just as many that the
kernel reaches two pixels to the right, since the legaliser fills kernels that reach one pixel up to
3x3: 3x3 becomes 3x4 (a third more products than needed), 1x1 becomes 1x3.

A ReLU behind it becomes a clip whose upper end no float passes: nncase computes that in float in
the convolution itself, and a ReLU by itself in 8 bits, from a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import onnx
from onnx import helper

from harness.blame.fix.base import Fix, Recipe
from harness.blame.fix.model import Model, set_attribute
from harness.blame.fix.pairs import pairs
from harness.compiler.legalise.graph import attribute, layer
from harness.compiler.source import Source

_ON_THE_KPU = ((1, 1), (3, 3))
# Pixels to the right that a kernel has to reach for the legaliser to leave it as it is.
_REACH = 2
_LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True)
class FloatLayers(Fix):
    """Layers computed by the CPU, with float weights.

    What a layer on the CPU hands to one on the KPU is rounded to codes again: where it is the map
    that loses most, both layers around it have to go.

    Attributes:
        nodes: Names of Conv or Gemm nodes.
    """

    nodes: tuple[str, ...]
    family: ClassVar[str] = "float layers"
    free: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Such as "float layers /features/0/Conv"."""
        return f"float layers {', '.join(self.nodes)}"

    @property
    def cost(self) -> str:
        """In words; `harness.blame.fix.costs` gives the numbers."""
        return "CPU instead of KPU, 4 bytes a weight, float maps"

    def apply(self, recipe: Recipe) -> Recipe | None:
        """See `Fix.apply`.

        Raises:
            UsageError: There is no such node.
        """
        if recipe.source.kind != "onnx":
            return None
        model = Model(recipe.source.data)
        for name in self.nodes:
            node = model.node(name)
            if not _widen(model, node):
                return None
            _clip_for_relu(model, node)
        rewrites = dict(recipe.rewrites)
        if rewrites.get("kernel") == "kpu":  # which takes kernels of any size
            rewrites["kernel"] = "fill"
        return replace(
            recipe.with_model(model.data()),
            rewrites=rewrites,
            applied=(*recipe.applied, self.name),
        )


def float_layers(source: Source, costly: Sequence[str]) -> tuple[FloatLayers, ...]:
    """Return what to try for layers that cost much: each alone, and with the one that reads it.

    Args:
        source: The model.
        costly: Names of nodes; those that no fix applies to are left out.
    """
    if source.kind != "onnx":
        return ()
    model = Model(source.data)
    behind = {layer(pair.first): layer(pair.second) for pair in pairs(model)}
    layers = {layer(node) for node in model.nodes if node.op_type in ("Conv", "Gemm")}
    some = [node for node in costly if node in layers]
    groups = [(node,) for node in some]
    return tuple(
        FloatLayers(nodes)
        for nodes in (*groups, *((node, behind[node]) for node in some if node in behind))
    )


def _widen(model: Model, node: onnx.NodeProto) -> bool:
    """Change a layer so that it falls to the CPU; say whether that was possible."""
    if node.op_type == "Gemm":
        return _convolution_of(model, node)
    weights = model.constant(node, 1)
    known = weights is not None and weights.shape[2:] in _ON_THE_KPU
    if node.op_type != "Conv" or not known or attribute(node, "auto_pad", "NOTSET") != "NOTSET":
        return False
    assert weights is not None
    if list(attribute(node, "dilations", [1, 1])) != [1, 1]:
        return False
    top, left, bottom, right = attribute(node, "pads", [0, 0, 0, 0])
    lines, columns = weights.shape[2:]
    more = max(1, _REACH + 1 + left - columns)
    model.set_constant(node, 1, np.pad(weights, ((0, 0), (0, 0), (0, 0), (0, more))))
    set_attribute(node, "pads", [top, left, bottom, right + more])
    set_attribute(node, "kernel_shape", [lines, columns + more])
    return True


def _clip_for_relu(model: Model, node: onnx.NodeProto) -> None:
    relu = model.only_reader(node.output[0])
    if relu is not None and relu.op_type == "Relu":
        relu.op_type = "Clip"
        model.set_constant(relu, 1, np.float32(0.0))
        model.set_constant(relu, 2, _LARGEST)


def _convolution_of(model: Model, node: onnx.NodeProto) -> bool:
    """Replace a Gemm by a 1x3 convolution on a single pixel, its right columns being zero."""
    weights = model.constant(node, 1)
    factors = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
    plain = factors == (1.0, 1.0) and not attribute(node, "transA")
    if weights is None or not plain:
        return False
    matrix = weights if attribute(node, "transB") else weights.T
    bias = model.constant(node, 2)
    out, into = matrix.shape
    name, result = layer(node), node.output[0]
    to_map = model.store(f"{name}.to_map", np.array([1, into, 1, 1], np.int64))
    to_row = model.store(f"{name}.to_row", np.array([1, out], np.int64))
    before = helper.make_node(
        "Reshape", [node.input[0], to_map], [model.name(f"{name}.map")], f"{name}.to_map"
    )
    after = helper.make_node(
        "Reshape", [model.name(f"{name}.sums"), to_row], [result], f"{name}.to_row"
    )
    model.replace(node, (before, node, after))
    node.op_type = "Conv"
    del node.attribute[:]
    node.input[0], node.output[0] = before.output[0], after.input[0]
    model.set_constant(node, 1, np.pad(matrix[:, :, None, None], ((0, 0),) * 3 + ((0, _REACH),)))
    if bias is not None:
        model.set_constant(node, 2, np.broadcast_to(bias, (1, out))[0])
    set_attribute(node, "pads", [0, 0, 0, _REACH])
    set_attribute(node, "kernel_shape", [1, 1 + _REACH])
    return True
