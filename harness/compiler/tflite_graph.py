"""TFLite files: the facts that a contract is made of, and the weights."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tflite

from harness.errors import CompileError

_REMEDY = "convert it again with tf.lite.TFLiteConverter, with a fixed input size"
# What the generated readers raise where offsets lead out of the file.
_DAMAGED = (struct.error, IndexError, AttributeError, TypeError, ValueError)


def input_shape(data: bytes) -> tuple[int, int, int]:
    """Return channels, height and width of the model's one picture (stored as [1, H, W, C]).

    Raises:
        CompileError: The file is not TFLite, or does not take one float picture of fixed size.
    """
    if not tflite.Model.ModelBufferHasIdentifier(data, 0):
        raise CompileError("the file is not a TFLite model (no TFL3 identifier)", _REMEDY)
    try:
        graph = tflite.Model.GetRootAsModel(data, 0).Subgraphs(0)
        tensors = [graph.Tensors(graph.Inputs(index)) for index in range(graph.InputsLength())]
        shapes = [tuple(int(side) for side in tensor.ShapeAsNumpy()) for tensor in tensors]
        types = [tensor.Type() for tensor in tensors]
    except _DAMAGED as error:
        raise CompileError(f"the TFLite model is damaged: {error}", _REMEDY) from error
    if len(shapes) != 1 or len(shapes[0]) != 4 or min(shapes[0]) < 1:
        raise CompileError(f"the TFLite model takes {shapes}, not one [1, H, W, C]", _REMEDY)
    if types[0] != tflite.TensorType.FLOAT32:
        raise CompileError(
            "the TFLite model is already quantised",
            "convert it without quantisation: nncase quantises for the K210 itself",
        )
    _, height, width, channels = shapes[0]
    return channels, height, width


def weights(data: bytes) -> Iterator[tuple[str, str, str, npt.NDArray[np.float32]]]:
    """Yield layer, operator, name and values of what each layer reads of the stored floats.

    Layers have no names in TFLite: the name of what one gives stands for it.

    Raises:
        CompileError: The file is damaged.
    """
    try:
        model = tflite.Model.GetRootAsModel(data, 0)
        graph = model.Subgraphs(0)
        for index in range(graph.OperatorsLength()):
            node = graph.Operators(index)
            layer = graph.Tensors(node.Outputs(0)).Name().decode()
            operator = _operator(model.OperatorCodes(node.OpcodeIndex()))
            for place in map(node.Inputs, range(node.InputsLength())):
                if place >= 0 and (values := _floats(model, graph.Tensors(place))).size:
                    yield layer, operator, graph.Tensors(place).Name().decode(), values
    except _DAMAGED as error:
        raise CompileError(f"the TFLite model is damaged: {error}", _REMEDY) from error


def _operator(code: tflite.OperatorCode) -> str:
    # Older files have the code in a field of one byte only.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    return next((name for name, it in vars(tflite.BuiltinOperator).items() if it == number), "")


def _floats(model: tflite.Model, tensor: tflite.Tensor) -> npt.NDArray[np.float32]:
    stored = model.Buffers(tensor.Buffer())
    if tensor.Type() != tflite.TensorType.FLOAT32 or not stored.DataLength():
        return np.empty(0, np.float32)
    return np.frombuffer(stored.DataAsNumpy().tobytes(), "<f4")
