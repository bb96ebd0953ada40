"""One program an instruction of version 5, made by hand."""

from dataclasses import replace

import numpy as np

from harness.kmodel import DType
from harness.kmodel import operations as ops
from tests.kmodel.v5_programs.sketch import I32, I64, U8

CLAMP = (-1.5, 2.0)
PAD_H, PAD_W = ops.Padding(1, 1), ops.Padding(0, 2)
WINDOW = {"padding_h": PAD_H, "padding_w": PAD_W, "stride": (2, 1), "clamp": CLAMP}


def _strided(buffer, shape, strides):
    return replace(buffer, shape=shape, strides=strides)


def _detection(s):
    return s.add(
        ops.DetectionPostprocess,
        (s.x(1, 10, 4), s.x(1, 10, 3), s.weights(10, 4)),
        (s.out(1, 6, 4), s.out(1, 6), s.out(1, 6), s.out(1)),
        max_detections=3,
        max_classes_per_detection=2,
        detections_per_class=3,
        regular_suppression=False,
        score_threshold=0.25,
        iou_threshold=0.5,
        classes=2,
        scale=(10.0, 10.0, 5.0, 5.0),
    )


def _gru(s):
    state = s.weights(1, 1, 4)
    inputs = s.x(3, 1, 2), s.weights(1, 12, 2), s.weights(1, 12, 4), s.weights(1, 24), state
    return s.add(
        ops.Gru,
        inputs,
        (s.out(3, 1, 1, 4), s.out(1, 1, 4)),
        direction=ops.GruDirection.FORWARD,
        linear_before_reset=False,
    )


def _onehot(s):
    values = s.constant([5], I32), s.constant([2.5]), s.constant([-1])
    return s.add(
        ops.OneHot, (s.x(3, dtype=I32), *values), (s.out(3, 5),), axis=1, negative_indices=True
    )


def _roi_align(s):
    regions, batches = s.constant([[0, 0, 3, 3], [1, 1, 5, 4]]), s.constant([0, 0], I64)
    return s.add(
        ops.RoiAlign,
        (s.x(1, 2, 6, 6), regions, batches),
        (s.out(2, 2, 2, 2),),
        mode=ops.RoiMode.AVERAGE,
        spatial_scale=1.0,
        sampling_ratio=2,
    )


# One program an instruction, by a name of its own. Sizes are odd where an instruction allows it.
EXAMPLES = {
    "batch_to_space": lambda s: s.add(
        ops.BatchToSpace,
        (s.x(4, 2, 3, 3),),
        (s.out(1, 2, 5, 5),),
        block=(2, 2),
        crops=(ops.Padding(0, 1), ops.Padding(1, 0)),
    ),
    "binary": lambda s: s.add(
        ops.Binary,
        (s.x(1, 3, 4, 5), s.weights(3, 1, 5)),
        (s.out(1, 3, 4, 5),),
        op=ops.BinaryOp.MUL,
        clamp=CLAMP,
    ),
    "broadcast": lambda s: s.add(ops.Broadcast, (s.x(1, 3, 1, 4),), (s.out(2, 3, 5, 4),)),
    "compare": lambda s: s.add(
        ops.Compare,
        (s.x(3, 4), s.weights(4)),
        (s.main(DType.BOOL, 3, 4),),
        op=ops.CompareOp.LESS_EQUAL,
    ).delivering(),
    "equal": lambda s: s.add(
        ops.Compare,
        (s.x(3, 4), s.weights(4)),
        (s.main(DType.BOOL, 3, 4),),
        op=ops.CompareOp.EQUAL,
    ).delivering(),
    "conv2d": lambda s: s.add(
        ops.Conv2d,
        (s.x(1, 4, 7, 9), s.weights(6, 2, 3, 3), s.weights(6)),
        (s.out(1, 6, 4, 7),),
        groups=2,
        dilation=(1, 2),
        **WINDOW,
    ),
    "convert": lambda s: s.add(ops.Convert, (s.x(3, 4),), (s.out(3, 4, dtype=I32),)),
    "copy": lambda s: s.add(
        ops.Copy, (_strided(s.x(4, 6), (4, 1, 3), (6, 0, 2)),), (s.out(4, 1, 3),)
    ),
    "cumsum": lambda s: s.add(
        ops.Cumsum, (s.x(2, 5),), (s.out(2, 5),), axis=1, exclusive=True, reverse=False
    ),
    "dequantize": lambda s: s.add(
        ops.Dequantize, (s.x(3, 5, dtype=U8),), (s.out(3, 5),), scale=0.5, bias=-3.0
    ),
    "detection_postprocess": _detection,
    "gather": lambda s: s.add(
        ops.Gather, (s.x(4, 5), s.constant([2, 0], I32)), (s.out(2, 5),), axis=0
    ),
    "gather_elements": lambda s: s.add(
        ops.GatherElements,
        (s.x(3, 4), s.constant([[0, 2, 1, 0], [2, 2, 0, 1]], I64)),
        (s.out(2, 4),),
        axis=0,
    ),
    "gather_nd": lambda s: s.add(
        ops.GatherNd,
        (s.x(4, 5, 3), s.constant([[2, 0], [3, 4]], I32)),
        (s.out(2, 3),),
        batch_dims=0,
    ),
    "gru": _gru,
    "hardmax": lambda s: s.add(ops.Hardmax, (s.x(2, 5),), (s.out(2, 5),), axis=1),
    "layer_normalization": lambda s: s.add(
        ops.LayerNormalization,
        (s.x(2, 3, 4), s.weights(3, 4), s.weights(3, 4)),
        (s.out(2, 3, 4),),
        axis=1,
        epsilon=0.125,
    ),
    "lut1d": lambda s: s.add(
        ops.Lut1d,
        (s.x(3, 5, dtype=U8), s.constant(np.arange(256)[::-1], U8)),
        (s.out(3, 5, dtype=U8),),
        minimum=0.0,
        maximum=255.0,
    ),
    "matmul": lambda s: s.add(
        ops.MatMul, (s.x(2, 3), s.weights(3, 4), s.weights(4)), (s.out(2, 4),), clamp=CLAMP
    ),
    "onehot": _onehot,
    "pad": lambda s: s.add(
        ops.Pad,
        (s.x(1, 2, 3, 4),),
        (s.out(1, 2, 5, 6),),
        paddings=(ops.NO_PADDING, ops.NO_PADDING, ops.Padding(1, 1), ops.Padding(0, 2)),
        mode=ops.PadMode.EDGE,
        value=0.0,
    ),
    "pad_inside": lambda s: s.add(
        ops.Pad,
        (s.x(1, 2, 3, 4, dtype=U8),),
        (s.out(1, 2, 5, 8, dtype=U8),),
        paddings=(*[ops.NO_PADDING] * 2, ops.Padding(0, 0, 1), ops.Padding(0, 1, 1)),
        mode=ops.PadMode.CONSTANT,
        value=128.0,
    ),
    "quantize": lambda s: s.add(
        ops.Quantize, (s.x(3, 5),), (s.out(3, 5, dtype=U8),), scale=20.0, bias=127.0
    ),
    "random_normal": lambda s: s.add(
        ops.RandomNormal, (), (s.out(3, 5),), mean=1.0, std=2.0, seed=7.0
    ),
    "random_uniform": lambda s: s.add(
        ops.RandomUniform, (), (s.out(3, 5),), low=1.0, high=2.0, seed=7.0
    ),
    "reduce": lambda s: s.add(
        ops.Reduce,
        (s.x(1, 3, 4, 5),),
        (s.out(1, 3, 1, 1),),
        op=ops.ReduceOp.MEAN,
        axes=(2, 3),
        keep_dims=True,
        initial=0.0,
    ),
    "reduce_arg": lambda s: s.add(
        ops.ReduceArg,
        (s.x(3, 5),),
        (s.out(3, dtype=I64),),
        largest=True,
        axes=(1,),
        keep_dims=False,
        select_last=False,
    ),
    "reduce_prod": lambda s: s.add(
        ops.ReduceProd, (s.x(3, 5),), (s.out(3),), axes=(1,), keep_dims=False
    ),
    "reduce_window2d": lambda s: s.add(
        ops.ReduceWindow2d,
        (s.x(1, 2, 7, 9),),
        (s.out(1, 2, 4, 9),),
        op=ops.ReduceOp.MAX,
        filter=(3, 3),
        dilation=(1, 1),
        initial=-100.0,
        **WINDOW,
    ),
    "resize": lambda s: s.add(
        ops.Resize,
        (s.x(1, 2, 3, 4),),
        (s.out(1, 2, 7, 6),),
        mode=ops.ResizeMode.BILINEAR,
        align_corners=False,
        half_pixel_centers=True,
    ),
    "roi_align": _roi_align,
    "sigmoid": lambda s: s.add(ops.Sigmoid, (s.x(3, 5),), (s.out(3, 5),)),
    "slice": lambda s: s.add(
        ops.Slice,
        (s.x(1, 4, 6),),
        (s.out(1, 2, 3),),
        begins=(0, 1, 0),
        ends=(1, 4, 6),
        strides=(1, 2, 2),
    ),
    "softmax": lambda s: s.add(ops.Softmax, (s.x(2, 5),), (s.out(2, 5),), axis=1, beta=1.0),
    "space_to_batch": lambda s: s.add(
        ops.SpaceToBatch,
        (s.x(1, 2, 4, 5),),
        (s.out(4, 2, 2, 3),),
        block=(2, 2),
        paddings=(ops.NO_PADDING, ops.Padding(0, 1)),
    ),
    "ternary": lambda s: s.add(
        ops.Ternary, (s.constant([1, 0, 1, 0, 1]), s.x(3, 5), s.weights(3, 5)), (s.out(3, 5),)
    ),
    "topk": lambda s: s.add(
        ops.TopK,
        (s.x(3, 5),),
        (s.out(3, 2), s.out(3, 2, dtype=I64)),
        k=2,
        axis=1,
        largest=True,
        sorted=True,
    ),
    "transpose": lambda s: s.add(
        ops.Transpose, (s.x(1, 2, 3, 4),), (s.out(1, 3, 4, 2),), perm=(0, 2, 3, 1)
    ),
    "trilu": lambda s: s.add(ops.Trilu, (s.x(4, 5),), (s.out(4, 5),), upper=True, k=1),
    "unary": lambda s: s.add(ops.Unary, (s.x(3, 5),), (s.out(3, 5),), op=ops.UnaryOp.SQUARE),
}
