"""What each tensor instruction takes from the stack, in the order in which it is pushed.

Tensors are places in memory; their shapes, where an operand gives them, carry the same names in
`harness.kmodel.v5.releases`. Source: nncase v1.9.0 `src/runtime/stackvm/ops/tensor.*.cpp`; the
order is the same in all releases that have an instruction.
"""

from __future__ import annotations

STACKS = {
    "batch_to_space": "x out",
    "binary": "a b out",
    "broadcast": "x out",
    "compare": "a b out",
    "conv2d": "x w bias out padding_h padding_w",
    "convert": "x out",
    "copy": "x out",
    "cumsum": "x out",
    "dequantize": "x out scale bias",
    "equal": "a b out",
    "gather": "x out index",
    "gather_elements": "x index out",
    "gather_nd": "x out index",
    "gru": "x w r b initial out last",
    "hardmax": "x out",
    "layer_normalization": "x scale bias out",
    "lut1d": "x table out minimum maximum",
    "matmul": "a b bias out",
    "onehot": "index depth on off out",
    "pad": "x out value",
    "quantize": "x out scale bias",
    "random_normal": "out",
    "random_uniform": "out",
    "reduce": "x out initial",
    "reduce_arg": "x out",
    "reduce_prod": "x out",
    "reduce_window2d": "x initial out padding_h padding_w",
    "resize_image": "height width x out",
    "roi_align": "x regions batches out",
    "sigmoid": "x out",
    "slice": "x out",
    "softmax": "x out",
    "space_to_batch": "x out",
    "ternary": "a b c out",
    "tflite_detection_postprocess": "box score anchor locations found scores count",
    "topk": "x out index",
    "transpose": "x out",
    "trilu": "x out",
    "unary": "x out",
}
