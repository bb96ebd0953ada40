"""The operations of the CPU, one function each.

Every function takes the operation and its inputs, and returns its output, or a tuple of several.
Tensors have the program's shapes behind one more axis, the batch; constants have batch 1. Floats
are added in the order of the runtimes, one after the other, because the order decides the last
bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from harness.kmodel import operations as kinds
from harness.kmodel.operations import Operation
from harness.simulator.operations import (
    detection,
    elementwise,
    extremes,
    nnil,
    placement,
    pooling,
    quantization,
    recurrent,
    reduction,
    regions,
    resize,
    selection,
    windows,
)

Function = Callable[..., Tensor | tuple[Tensor, ...]]

FUNCTIONS: dict[type[Operation], Any] = {
    kinds.AveragePool: pooling.average_pool,
    kinds.BatchToSpace: placement.batch_to_space,
    kinds.Binary: elementwise.binary,
    kinds.Broadcast: placement.broadcast,
    kinds.ChannelwiseDequantize: quantization.channelwise_dequantize,
    kinds.Compare: elementwise.compare,
    kinds.Concat: placement.concat,
    kinds.Conv2d: windows.conv2d,
    kinds.Conv2dTranspose: windows.conv2d_transpose,
    kinds.Convert: elementwise.convert,
    kinds.Copy: placement.same,
    kinds.Cumsum: reduction.cumsum,
    kinds.Dequantize: quantization.dequantize,
    kinds.DequantizeZeroPoint: quantization.dequantize_zero_point,
    kinds.DetectionPostprocess: detection.detection_postprocess,
    kinds.Flatten: placement.flatten,
    kinds.FullyConnected: windows.fully_connected,
    kinds.Gather: selection.gather,
    kinds.GatherElements: selection.gather_elements,
    kinds.GatherNd: selection.gather_nd,
    kinds.GlobalAveragePool: reduction.global_average_pool,
    kinds.Gru: recurrent.gru,
    kinds.Hardmax: extremes.hardmax,
    kinds.KpuAddPadding: placement.add_padding,
    kinds.KpuDownload: placement.same,
    kinds.KpuRemovePadding: placement.remove_padding,
    kinds.KpuUpload: placement.same,
    kinds.L2Normalization: reduction.l2_normalization,
    kinds.LayerNormalization: reduction.layer_normalization,
    kinds.Lut1d: elementwise.lut1d,
    kinds.MatMul: windows.matmul,
    kinds.MaxPool: pooling.max_pool,
    kinds.OneHot: selection.one_hot,
    kinds.Pad: placement.pad,
    kinds.Quantize: quantization.quantize,
    kinds.QuantizeInverse: quantization.quantize_inverse,
    kinds.QuantizeZeroPoint: quantization.quantize_zero_point,
    kinds.QuantizedAdd: quantization.quantized_add,
    kinds.QuantizedBinary: quantization.quantized_binary,
    kinds.QuantizedConv2d: windows.quantized_conv2d,
    kinds.QuantizedMatMul: windows.quantized_matmul,
    kinds.Reduce: reduction.reduce,
    kinds.ReduceArg: extremes.reduce_arg,
    kinds.ReduceProd: reduction.reduce_prod,
    kinds.ReduceWindow2d: pooling.reduce_window2d,
    kinds.Resize: resize.resize,
    kinds.RoiAlign: regions.roi_align,
    kinds.Sigmoid: elementwise.sigmoid,
    kinds.Slice: placement.slice_,
    kinds.Softmax: reduction.softmax,
    kinds.SpaceToBatch: placement.space_to_batch,
    kinds.Ternary: elementwise.ternary,
    kinds.TopK: extremes.top_k,
    kinds.Transpose: placement.transpose,
    kinds.Trilu: placement.trilu,
    kinds.Unary: elementwise.unary,
    kinds.UnaryProgram: nnil.unary_program,
}

# What the runtimes of older file versions compute in another way.
OLDER: dict[int, dict[type[Operation], Any]] = {
    3: {kinds.Resize: resize.resize_v3},
    4: {kinds.Reduce: reduction.reduce_v4, kinds.Resize: resize.resize_v4},
}
