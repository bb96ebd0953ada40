"""TFLite files: the facts that a contract is made of."""

from __future__ import annotations

import struct

import tflite

from harness.errors import CompileError

_REMEDY = "convert it again with tf.lite.TFLiteConverter, with a fixed input size"


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
    except (struct.error, IndexError, AttributeError, TypeError, ValueError) as error:
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
