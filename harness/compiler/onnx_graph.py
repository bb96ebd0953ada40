"""ONNX graphs: shape inference, which nncase needs, and the facts that a contract is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper

from harness.errors import CompileError
from harness.method import InputContract

# The layer that `with_normalisation` puts in front, and what it reads.
NORMALISATION = "/normalise/Conv"
_NORMALISE = ("normalise.weight", "normalise.bias")


@dataclass(frozen=True)
class GraphInput:
    """The one input of an ONNX graph: its name and [N, C, H, W]."""

    name: str
    shape: tuple[int, ...]


def read_file(path: Path) -> bytes:
    """Read an ONNX file with the weights that it keeps in files beside it.

    Raises:
        CompileError: It cannot be read, is not ONNX, or its weights are missing.
    """
    try:
        return bytes(onnx.load(str(path)).SerializeToString())
    except OSError as error:
        raise CompileError(f"{path} cannot be read: {error.strerror or error}") from error
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise CompileError(
            f"{path} is not a whole ONNX model: {str(error).splitlines()[0]}",
            "export it again; files with its weights have to lie beside it",
        ) from error


def parse(data: bytes) -> onnx.ModelProto:
    """Read an ONNX model.

    Raises:
        CompileError: The bytes are not an ONNX model.
    """
    try:
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise CompileError(
            f"the file is not a valid ONNX model: {str(error).splitlines()[0]}",
            "export it again, and check it with onnx.checker.check_model",
        ) from error
    return model


def infer_shapes(data: bytes) -> bytes:
    """Return the model with the shape of every tensor written into it.

    Raises:
        CompileError: The shapes contradict each other, or the model is not valid.
    """
    return _inferred(
        parse(data),
        "the shapes in the ONNX model contradict each other",
        "export the model with fixed input sizes",
    )


def with_normalisation(data: bytes, contract: InputContract) -> bytes:
    """Put `(x - mean) / std` in front of the model, as a 1x1 convolution.

    nncase leaves a subtraction and a division on the CPU, in float, over the whole picture. A
    1x1 convolution is the same function and runs on the KPU. It stays a layer of its own because
    folding it into the first convolution would change the border: zero padding stands for `mean`
    there, not for 0.

    The model then takes float32 [1, C, H, W] in units of the contract's range.
    """
    if not contract.normalises:
        return data
    model = parse(data)
    value = _free_inputs(model)[0]
    inner = f"{value.name}_normalised"
    for node in model.graph.node:
        node.input[:] = [inner if name == value.name else name for name in node.input]
    scale = 1 / np.asarray(contract.std, np.float64)
    weight = np.diag(scale)[:, :, None, None].astype(np.float32)
    bias = (-np.asarray(contract.mean) * scale).astype(np.float32)
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(weight, _NORMALISE[0]),
            numpy_helper.from_array(bias, _NORMALISE[1]),
        ]
    )
    layer = helper.make_node("Conv", [value.name, *_NORMALISE], [inner], NORMALISATION)
    model.graph.node.insert(0, layer)
    return bytes(model.SerializeToString())


def normalisation(data: bytes) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Return mean and std that `with_normalisation` put in front of a model.

    Returns:
        None where there is no such layer; nothing twice where it was changed since.
    """
    model = parse(data)
    layer = next((node for node in model.graph.node if node.name == NORMALISATION), None)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    if layer is None:
        return None
    if not set(_NORMALISE) <= {*layer.input} & {*stored}:
        return (), ()
    weight, bias = (numpy_helper.to_array(stored[name]).astype(np.float64) for name in _NORMALISE)
    scale = np.diag(weight[:, :, 0, 0])
    return tuple(map(float, -bias / scale)), tuple(map(float, 1 / scale))


def with_fixed_batch(data: bytes) -> bytes:
    """Return the model with its batch axis set to 1, as the K210 runs it.

    Raises:
        CompileError: Some layer has another batch size built in.
    """
    model = parse(data)
    inputs = [value for value in _free_inputs(model) if value.type.tensor_type.shape.dim]
    if all(value.type.tensor_type.shape.dim[0].dim_value == 1 for value in inputs):
        return data
    for value in inputs:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    # Shapes that were inferred for the old batch size; they are inferred anew.
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return _inferred(
        model, "the ONNX model has a batch size built in", "export it with a batch size of 1"
    )


def graph_input(data: bytes) -> GraphInput:
    """Return the model's input.

    Raises:
        CompileError: There is not exactly one input, or its size is not fixed.
    """
    inputs = _free_inputs(parse(data))
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        raise CompileError(
            f"the ONNX model has {len(inputs)} inputs ({names})",
            "export it with the one picture as its only input",
        )
    shape = tuple(dim.dim_value for dim in inputs[0].type.tensor_type.shape.dim)
    if inputs[0].type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        kind = onnx.TensorProto.DataType.Name(inputs[0].type.tensor_type.elem_type)
        raise CompileError(
            f"the ONNX input {inputs[0].name!r} is {kind.lower()}, not float32",
            "export the float32 model: nncase quantises for the K210 itself",
        )
    if len(shape) != 4 or min(shape[1:]) < 1:
        raise CompileError(
            f"the ONNX input {inputs[0].name!r} has shape {shape}, not a fixed [1, C, H, W]",
            "export it with a fixed picture size",
        )
    return GraphInput(inputs[0].name, shape)


def outputs(data: bytes) -> list[tuple[str, tuple[int, ...]]]:
    """Return name and shape of every output, in order."""
    return [
        (value.name, tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim))
        for value in parse(data).graph.output
    ]


def layers_of(data: bytes, op_type: str) -> list[str]:
    """Return the names of the nodes of one operator type."""
    nodes = parse(data).graph.node
    return [node.name or node.output[0] for node in nodes if node.op_type == op_type]


def operator_types(data: bytes) -> set[str]:
    """Return the operator types that the model uses."""
    return {node.op_type for node in parse(data).graph.node}


def static_shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Return the shapes that are written into a graph, of tensors whose shape is fixed."""
    shapes = {}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        tensor = value.type.tensor_type
        dims = tensor.shape.dim
        if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in dims):
            shapes[value.name] = tuple(dim.dim_value for dim in dims)
    return shapes


def _free_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def _inferred(model: onnx.ModelProto, cause: str, remedy: str) -> bytes:
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise CompileError(f"{cause}: {str(error).splitlines()[0]}", remedy) from error
    return bytes(inferred.SerializeToString())
