"""What a firmware tells of the layers of a kmodel v3."""

from __future__ import annotations

import struct

from harness.kmodel.operations.base import Operation
from harness.kmodel.operations.kpu import KpuConv2d

LAYER_NAMES = {
    1: "KL_ADD",
    2: "KL_QUANTIZED_ADD",
    3: "KL_GLOBAL_MAX_POOL2D",
    4: "KL_QUANTIZED_GLOBAL_MAX_POOL2D",
    5: "KL_GLOBAL_AVERAGE_POOL2D",
    6: "KL_QUANTIZED_GLOBAL_AVERAGE_POOL2D",
    7: "KL_MAX_POOL2D",
    8: "KL_QUANTIZED_MAX_POOL2D",
    9: "KL_AVERAGE_POOL2D",
    10: "KL_QUANTIZED_AVERAGE_POOL2D",
    11: "KL_QUANTIZE",
    12: "KL_DEQUANTIZE",
    13: "KL_REQUANTIZE",
    14: "KL_L2_NORMALIZATION",
    15: "KL_SOFTMAX",
    16: "KL_CONCAT",
    17: "KL_QUANTIZED_CONCAT",
    18: "KL_FULLY_CONNECTED",
    19: "KL_QUANTIZED_FULLY_CONNECTED",
    20: "KL_TENSORFLOW_FLATTEN",
    21: "KL_QUANTIZED_TENSORFLOW_FLATTEN",
    22: "KL_RESIZE_NEAREST_NEIGHBOR",
    23: "KL_QUANTIZED_RESIZE_NEAREST_NEIGHBOR",
    24: "KL_CHANNELWISE_DEQUANTIZE",
    25: "KL_LOGISTIC",
    10240: "KL_K210_CONV",
    10241: "KL_K210_ADD_PADDING",
    10242: "KL_K210_REMOVE_PADDING",
    10243: "KL_K210_UPLOAD",
}


def layers_of(data: bytes) -> list[tuple[int, int]]:
    """Return type and body size of each layer of a kmodel v3."""
    _, _, _, layers, _, _, outputs = struct.unpack_from("<7I", data)
    place = 28 + 8 * outputs
    return [struct.unpack_from("<2I", data, place + 8 * index) for index in range(layers)]


def layer_info(index: int, kind: int, size: int, operation: Operation) -> dict[str, int | str]:
    """Return what MaixPy's `netinfo` says of a layer."""
    names = ("wi", "hi", "wo", "ho", "chi", "cho", "dw", "kernel_type", "pool_type")
    values: tuple[int, ...] = (0,) * len(names)
    if isinstance(operation, KpuConv2d):
        registers = operation.registers
        values = (
            registers.in_width,
            registers.in_height,
            registers.out_width,
            registers.out_height,
            registers.in_channels,
            registers.out_channels,
            registers.depthwise,
            registers.kernel_type,
            registers.pool_type,
        )
        parameters = registers.load_bytes
    else:
        parameters = size
    return {
        "index": index,
        "type": kind,
        "name": LAYER_NAMES.get(kind, "KL_UNKNOWN"),
        "bytes": size,
        **dict(zip(names, values, strict=True)),
        "para_size": parameters,
    }
