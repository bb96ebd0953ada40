"""Any valid ONNX model → the dialect of ONNX that nncase 1.9.0 reads.

Its importer takes the axes of reductions, Squeeze and Unsqueeze from attributes only, as ONNX
had them before operator sets 13 and 18, and ignores them without a word where they are inputs:
a model exported by today's PyTorch compiles, and computes something else. Indices that count from
the end, as in `x[:, -1]`, it takes for places before the beginning, and reads what lies there. It
also wants sizes, pads and slices as stored constants, and aborts on some that are computed in the
graph, on enlargements that name a size and not a factor, and on limits that are open on one side.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from harness.compiler.onnx_graph import infer_shapes, static_shapes
from harness.errors import CompileError

_AXES_AS_ATTRIBUTE = frozenset(
    {
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "ReduceSumSquare",
        "Squeeze",
        "Unsqueeze",
    }
)
_INDEXED = frozenset({"Gather", "GatherElements"})
# A folded tensor above this is not a size or an index but data that was small for a reason.
_MAX_FOLDED_VALUES = 1 << 20

Constants = dict[str, npt.NDArray[np.generic]]


def to_nncase_dialect(data: bytes) -> bytes:
    """Fold what is constant, write every shape in, and put axes where nncase looks for them.

    Args:
        data: A valid model.

    Returns:
        The same function; to be read by nncase only, since attributes of old operator sets
        stand beside operators of new ones.

    Raises:
        CompileError: Axes depend on the input, or shapes contradict each other.
    """
    model = fold_constants(data)
    constants, shapes = _constants(model.graph), static_shapes(model.graph)
    for node in model.graph.node:
        _axes_to_attribute(node, constants)
        _count_from_the_start(node, constants, shapes)
        _sizes_to_scales(node, constants, shapes)
        _one_sided_clip(node)
    _store(model.graph, list(model.graph.node), constants)
    return bytes(model.SerializeToString())


def fold_constants(data: bytes) -> onnx.ModelProto:
    """Return the model with all that is constant stored, and the shape of every tensor.

    Folds until nothing changes: a folded size lets more shapes be inferred, and so on.

    Raises:
        CompileError: Shapes contradict each other.
    """
    while True:
        model = onnx.load_model_from_string(infer_shapes(data))
        constants, shapes = _constants(model.graph), static_shapes(model.graph)
        nodes = list(model.graph.node)
        kept = [node for node in nodes if not _fold(node, constants, shapes, model)]
        if len(kept) == len(nodes):
            return model
        _store(model.graph, kept, constants)
        data = model.SerializeToString()


def _constants(graph: onnx.GraphProto) -> Constants:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def _fold(
    node: onnx.NodeProto,
    constants: Constants,
    shapes: dict[str, tuple[int, ...]],
    model: onnx.ModelProto,
) -> bool:
    """Compute a node whose inputs are all known, and say whether that was possible."""
    if node.op_type == "Shape" and node.input[0] in shapes and not node.attribute:
        constants[node.output[0]] = np.array(shapes[node.input[0]], np.int64)
        return True
    if any(name and name not in constants for name in node.input):
        return False
    if any(attribute.HasField("g") for attribute in node.attribute):
        return False
    feeds = {name: constants[name] for name in node.input if name}
    results = _evaluate(node, feeds, model)
    if results is None or any(value.size > _MAX_FOLDED_VALUES for value in results):
        return False
    constants.update(zip(node.output, results, strict=True))
    return True


def _evaluate(
    node: onnx.NodeProto, feeds: Constants, model: onnx.ModelProto
) -> list[npt.NDArray[np.generic]] | None:
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), None)
        for name, value in feeds.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output]
    graph = helper.make_graph([node], "constant", inputs, outputs)
    single = helper.make_model(graph, opset_imports=model.opset_import)
    try:
        results = ReferenceEvaluator(single).run(None, feeds)
    except (LookupError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return None
    return [np.asarray(result) for result in results]


def _axes_to_attribute(node: onnx.NodeProto, constants: Constants) -> None:
    if node.op_type not in _AXES_AS_ATTRIBUTE or len(node.input) < 2:
        return
    axes = node.input[1]
    if axes and axes not in constants:
        raise CompileError(
            f"the axes of {node.op_type} at layer {node.name or node.output[0]} are computed",
            "give them as constants",
        )
    del node.input[1:]
    if axes:
        values = [int(axis) for axis in constants[axes].reshape(-1)]
        node.attribute.append(helper.make_attribute("axes", values))


def _count_from_the_start(
    node: onnx.NodeProto, constants: Constants, shapes: dict[str, tuple[int, ...]]
) -> None:
    """Rewrite stored indices of a Gather that count from the end."""
    if node.op_type not in _INDEXED or node.input[1] not in constants:
        return
    indices = constants[node.input[1]].astype(np.int64)
    shape = shapes.get(node.input[0])
    if shape is None or not (indices < 0).any():
        return
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    # The same stored indices may be read by another node along another axis.
    name = f"{node.input[1]} of {node.output[0]}"
    constants[name] = np.where(indices < 0, indices + shape[axis], indices)
    node.input[1] = name


def _sizes_to_scales(
    node: onnx.NodeProto, constants: Constants, shapes: dict[str, tuple[int, ...]]
) -> None:
    """Give a Resize that names its sizes the factors to them."""
    if node.op_type != "Resize" or len(node.input) < 4 or node.input[3] not in constants:
        return
    before, after = shapes.get(node.input[0]), constants[node.input[3]]
    if before is None:
        return
    # Half a pixel more than the size, so that rounding down ends there whatever the factor is.
    factors = (after.astype(np.float64) + 0.5 * (after != before)) / before
    exact = (after / np.array(before) * before).astype(np.float32) == after
    name = f"factors of {node.output[0]}"
    constants[name] = np.where(exact, after / np.array(before), factors).astype(np.float32)
    del node.input[2:]
    node.input.append(name)


def _one_sided_clip(node: onnx.NodeProto) -> None:
    """Make a Clip that is open on one side a maximum or a minimum."""
    if node.op_type != "Clip":
        return
    x, *limits = node.input
    low, high = (*limits, "", "")[:2]
    if bool(low) == bool(high):
        return
    node.op_type = "Max" if low else "Min"
    del node.input[:]
    node.input.extend((x, low or high))


def _store(graph: onnx.GraphProto, kept: list[onnx.NodeProto], constants: Constants) -> None:
    """Replace the graph's nodes, and store just the constants that are still read."""
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    read = {name for node in nodes for name in node.input} | {v.name for v in graph.output}
    del graph.node[:]
    del graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items() if name in read
    )
