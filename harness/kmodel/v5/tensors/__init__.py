"""Tensor instructions of the stack machine, one function each.

Source: nncase v1.9.0 `src/runtime/stackvm/ops/tensor.*.cpp`. The order in which values are taken
from the stack is the same in all releases that have an instruction.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.kmodel.operations.base import Operation
from harness.kmodel.v5.tensors import elementwise, placement, selection, windows
from harness.kmodel.v5.tensors.instruction import Instruction

# A call is no operation of its own; the others without an entry have results whose size depends
# on values.
TENSORS: dict[str, Callable[[Instruction], Operation]] = {
    "batch_to_space": placement.batch_to_space,
    "binary": elementwise.binary,
    "broadcast": placement.broadcast,
    "compare": elementwise.compare,
    "conv2d": windows.conv2d,
    "convert": elementwise.convert,
    "copy": placement.copy,
    "cumsum": elementwise.cumsum,
    "dequantize": elementwise.dequantize,
    "equal": elementwise.equal,
    "gather": selection.gather,
    "gather_elements": selection.gather_elements,
    "gather_nd": selection.gather_nd,
    "gru": windows.gru,
    "hardmax": elementwise.hardmax,
    "layer_normalization": elementwise.layer_normalization,
    "lut1d": elementwise.lut1d,
    "matmul": windows.matmul,
    "onehot": selection.onehot,
    "pad": placement.pad,
    "quantize": elementwise.quantize,
    "random_normal": selection.random_normal,
    "random_uniform": selection.random_uniform,
    "reduce": elementwise.reduce,
    "reduce_arg": elementwise.reduce_arg,
    "reduce_prod": elementwise.reduce_prod,
    "reduce_window2d": windows.reduce_window2d,
    "resize_image": placement.resize_image,
    "roi_align": windows.roi_align,
    "sigmoid": elementwise.sigmoid,
    "slice": placement.slice_,
    "softmax": elementwise.softmax,
    "space_to_batch": placement.space_to_batch,
    "ternary": elementwise.ternary,
    "tflite_detection_postprocess": selection.detection_postprocess,
    "topk": selection.topk,
    "transpose": placement.transpose,
    "trilu": placement.trilu,
    "unary": elementwise.unary,
}
