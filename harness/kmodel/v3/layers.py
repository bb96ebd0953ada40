"""v3 layer types by number. Source: kendryte-standalone-sdk `kpu.h`, `kpu_model_layer_type_t`."""

from __future__ import annotations

from collections.abc import Callable

from harness.kmodel.operations.base import Operation
from harness.kmodel.v3 import cpu, kpu
from harness.kmodel.v3.body import Body

LAYERS: dict[int, Callable[[Body], Operation]] = {
    1: cpu.add,
    2: cpu.quantized_add,
    5: cpu.global_average_pool,
    8: cpu.max_pool,
    9: cpu.average_pool,
    11: cpu.quantize,
    12: cpu.dequantize,
    13: cpu.requantize,
    14: cpu.l2_normalization,
    15: cpu.softmax,
    16: cpu.concat,
    17: cpu.concat,
    18: cpu.fully_connected,
    20: cpu.flatten,
    22: cpu.resize,
    23: cpu.quantized_resize,
    24: cpu.channelwise_dequantize,
    25: cpu.logistic,
    10240: kpu.conv,
    10241: kpu.add_padding,
    10242: kpu.remove_padding,
    10243: kpu.upload,
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
