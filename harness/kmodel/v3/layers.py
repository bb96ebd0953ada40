"""v3 layer types by number. Source: kendryte-standalone-sdk `kpu.h`, `kpu_model_layer_type_t`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.errors import ConversionError
from harness.kmodel import operations as kinds
from harness.kmodel.memory import DType
from harness.kmodel.operations import Operation
from harness.kmodel.v3 import cpu, kpu
from harness.kmodel.v3.body import Body
from harness.kmodel.v3.writer import cpu as write_cpu
from harness.kmodel.v3.writer import kpu as write_kpu

TO_MAIN = 1


def _always(_operation: Operation) -> bool:
    return True


def _bytes(operation: Operation) -> bool:
    return operation.output.dtype is DType.U8


def _floats(operation: Operation) -> bool:
    return not _bytes(operation)


def _to_main(_operation: Operation) -> int:
    return TO_MAIN


def _copied(operation: Operation) -> int:
    return TO_MAIN if len(operation.outputs) > 1 else 0


def _unmarked(_operation: Operation) -> int:
    return 0


@dataclass(frozen=True)
class Layer:
    """What a layer type stands for.

    Attributes:
        kind: Class of the operation.
        read: Reads its body.
        write: Writes its body behind the flags.
        flags: Word that the body begins with. The runtime looks at that of convolutions only, and
            nncase 0.1 left it 0 in some of the layers that write to main memory.
        fits: Which operations of the class have this type.
    """

    kind: type[Operation]
    read: Callable[[Body], Operation]
    write: Callable[..., None]
    flags: Callable[[Operation], int] = _to_main
    fits: Callable[[Any], bool] = _always


LAYERS: dict[int, Layer] = {
    1: Layer(kinds.Binary, cpu.add, write_cpu.add),
    2: Layer(kinds.QuantizedAdd, cpu.quantized_add, write_cpu.quantized_add),
    5: Layer(kinds.GlobalAveragePool, cpu.global_average_pool, write_cpu.global_average_pool),
    8: Layer(kinds.MaxPool, cpu.max_pool, write_cpu.max_pool),
    9: Layer(kinds.AveragePool, cpu.average_pool, write_cpu.average_pool),
    11: Layer(kinds.QuantizeInverse, cpu.quantize, write_cpu.quantize, _unmarked),
    12: Layer(kinds.Dequantize, cpu.dequantize, write_cpu.dequantize),
    13: Layer(kinds.Lut1d, cpu.requantize, write_cpu.requantize),
    14: Layer(kinds.L2Normalization, cpu.l2_normalization, write_cpu.l2_normalization),
    15: Layer(kinds.Softmax, cpu.softmax, write_cpu.softmax),
    16: Layer(kinds.Concat, cpu.concat, write_cpu.concat, fits=_floats),
    17: Layer(kinds.Concat, cpu.concat, write_cpu.concat, fits=_bytes),
    18: Layer(kinds.FullyConnected, cpu.fully_connected, write_cpu.fully_connected, _unmarked),
    20: Layer(kinds.Flatten, cpu.flatten, write_cpu.flatten),
    22: Layer(kinds.Resize, cpu.resize, write_cpu.resize, _unmarked, _floats),
    23: Layer(kinds.Resize, cpu.quantized_resize, write_cpu.resize, _unmarked, _bytes),
    24: Layer(
        kinds.ChannelwiseDequantize, cpu.channelwise_dequantize, write_cpu.channelwise_dequantize
    ),
    25: Layer(kinds.Sigmoid, cpu.logistic, write_cpu.logistic),
    10240: Layer(kinds.KpuConv2d, kpu.conv, write_kpu.conv, _copied),
    10241: Layer(kinds.KpuAddPadding, kpu.add_padding, write_kpu.add_padding, _unmarked),
    10242: Layer(kinds.KpuRemovePadding, kpu.remove_padding, write_kpu.remove_padding),
    10243: Layer(kinds.KpuUpload, kpu.upload, write_kpu.upload, _unmarked),
}

# Numbers that the format reserves and whose layers no runtime runs.
NAMES_ONLY = {
    3: "global max pool",
    4: "quantized global max pool",
    6: "quantized global average pool",
    7: "max pool",
    10: "quantized average pool",
    19: "quantized fully connected",
    21: "quantized flatten",
}


def number(operation: Operation) -> int:
    """Return the type of an operation's layer.

    Raises:
        ConversionError: nncase 0.1 has none for it.
    """
    for number, layer in LAYERS.items():
        if type(operation) is layer.kind and layer.fits(operation):
            return number
    raise ConversionError(f"nncase 0.1 has no {operation.kind()} like this")
