"""Numbers and operands of tensor instructions, by nncase release.

Every v5 file says version 5, but releases numbered the instructions anew and changed operands.
Source: `include/nncase/runtime/stackvm/opcode.h`, `op_reader.h` and `datatypes.h` of each tag.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cache

from harness.kmodel.operations.arithmetic import UnaryOp

# Operands in the order in which they follow the instruction, each with its struct code.
OPERANDS = {
    "batch_to_space": "dtype:B x_shape:B x_strides:B out_strides:B block:B crops:B",
    "binary": "dtype:B a_shape:B a_strides:B b_shape:B b_strides:B out_shape:B out_strides:B"
    " op:B low:f high:f",
    "broadcast": "dtype:B x_shape:B x_strides:B out_shape:B out_strides:B",
    "call": "function:I module:H inputs:B outputs:B",
    "compare": "dtype:B a_shape:B a_strides:B b_shape:B b_strides:B out_shape:B out_strides:B op:B",
    "conv2d": "dtype:B x_shape:B x_strides:B w_shape:B w_strides:B bias_strides:B out_strides:B"
    " groups:H stride_h:H stride_w:H dilation_h:H dilation_w:H low:f high:f",
    "convert": "dtype:B out_dtype:B x_shape:B x_strides:B out_strides:B",
    "copy": "dtype:B x_shape:B x_strides:B out_strides:B",
    "cumsum": "dtype:B x_shape:B axis:i exclusive:? reverse:?",
    "dequantize": "dtype:B out_dtype:B x_shape:B x_strides:B out_strides:B",
    "equal": "dtype:B a_shape:B a_strides:B b_shape:B b_strides:B out_strides:B",
    "gather": "dtype:B x_shape:B out_shape:B x_strides:B out_strides:B index_shape:B axis:B",
    "gather_elements": "x_shape:B index_shape:B axis:i",
    "gather_nd": "dtype:B x_shape:B out_shape:B x_strides:B out_strides:B index_shape:B"
    " batch_dims:B",
    "gru": "x_shape:B w_shape:B direction:B linear_before_reset:?",
    "hardmax": "dtype:B x_shape:B x_strides:B axis:i",
    "layer_normalization": "dtype:B x_shape:B axis:i epsilon:f",
    "lut1d": "dtype:B x_shape:B x_strides:B out_strides:B table_size:H",
    "matmul": "a_shape:B a_strides:B b_shape:B b_strides:B out_shape:B out_strides:B low:f high:f",
    "onehot": "dtype:B index_shape:B out_shape:B out_strides:B axis:B mode:B",
    "pad": "dtype:B x_shape:B x_strides:B out_strides:B paddings:B mode:B",
    "quantize": "dtype:B out_dtype:B x_shape:B x_strides:B out_strides:B",
    "random_normal": "dtype:B out_shape:B mean:f std:f seed:f",
    "random_uniform": "dtype:B out_shape:B low:f high:f seed:f",
    "reduce": "dtype:B x_shape:B x_strides:B out_strides:B op:B axes:B keep_dims:?",
    "reduce_arg": "dtype:B x_shape:B x_strides:B out_dtype:B out_strides:B op:B axes:B keep_dims:?"
    " select_last:?",
    "reduce_prod": "dtype:B x_shape:B x_strides:B out_strides:B axes:B keep_dims:?",
    "reduce_window2d": "dtype:B op:B x_shape:B x_strides:B out_strides:B filter_h:H filter_w:H"
    " stride_h:H stride_w:H dilation_h:H dilation_w:H low:f high:f",
    "resize_image": "dtype:B x_shape:B x_strides:B out_strides:B align_corners:?"
    " half_pixel_centers:? mode:B",
    "roi_align": "dtype:B x_shape:B out_shape:B mode:B spatial_scale:f sampling_ratio:q",
    "sigmoid": "dtype:B x_shape:B x_strides:B out_strides:B",
    "slice": "dtype:B x_shape:B x_strides:B out_strides:B begins:B ends:B strides:B",
    "softmax": "dtype:B x_shape:B x_strides:B out_strides:B axis:i beta:f",
    "space_to_batch": "dtype:B x_shape:B x_strides:B out_strides:B block:B paddings:B",
    "ternary": "dtype:B a_shape:B a_strides:B b_shape:B b_strides:B c_shape:B c_strides:B"
    " out_strides:B",
    "tflite_detection_postprocess": "box_shape:B score_shape:B anchor_shape:B max_detections:i"
    " max_classes:i per_class:i regular:? score_threshold:f iou_threshold:f classes:i"
    " y_scale:f x_scale:f h_scale:f w_scale:f",
    "topk": "dtype:B x_shape:B x_strides:B out_shape:B out_strides:B index_shape:B"
    " index_strides:B k:q axis:i largest:? sorted:?",
    "transpose": "dtype:B x_shape:B x_strides:B out_strides:B perm:B",
    "trilu": "dtype:B x_shape:B upper:? k:q",
    "unary": "dtype:B x_shape:B x_strides:B out_strides:B op:B",
}

_FIRST = (
    "batch_to_space binary broadcast call clamp conv2d conv2d_transpose convert copy dequantize"
    " gather gather_nd logistic lut1d matmul onehot pad quantize reduce reduce_window2d"
    " resize_image slice softmax space_to_batch take transpose unary"
)
_V1_0 = (
    "batch_to_space binary broadcast call clamp conv2d conv2d_transpose convert copy cumsum"
    " dequantize gather gather_nd hardmax logistic lut1d matmul onehot pad quantize reduce"
    " reduce_arg reduce_window2d resize_image slice softmax space_to_batch take transpose unary"
)
_V1_1 = (
    "batch_to_space binary broadcast call clamp conv2d conv2d_transpose convert copy cumsum"
    " dequantize gather gather_nd hardmax logistic lut1d matmul onehot pad quantize random_normal"
    " random_uniform reduce reduce_arg reduce_prod reduce_window2d resize_image slice softmax"
    " space_to_batch take ternary transpose unary"
)
_V1_2 = (
    "batch_to_space binary broadcast call clamp conv2d conv2d_transpose convert copy cumsum"
    " dequantize gather gather_nd hardmax logistic lut1d matmul onehot pad quantize random_normal"
    " random_uniform reduce reduce_arg reduce_prod reduce_window2d resize_image roi_align sigmoid"
    " slice softmax space_to_batch take ternary topk transpose trilu unary"
)
_V1_3 = (
    "batch_to_space binary broadcast call clamp conv2d conv2d_transpose convert copy cumsum"
    " dequantize equal gather gather_nd hardmax logistic lut1d matmul onehot pad quantize"
    " random_normal random_uniform reduce reduce_arg reduce_prod reduce_window2d resize_image"
    " roi_align sigmoid slice softmax space_to_batch take ternary topk transpose trilu unary"
)
_V1_6 = (
    "batch_to_space binary broadcast call compare clamp conv2d conv2d_transpose convert copy"
    " cumsum dequantize gather gather_nd hardmax logistic lut1d matmul onehot pad quantize"
    " random_normal random_uniform reduce reduce_arg reduce_prod reduce_window2d resize_image"
    " roi_align sigmoid slice softmax space_to_batch take ternary topk transpose trilu unary"
)
_V1_8 = _V1_6 + " gru tflite_detection_postprocess layer_normalization compress gather_elements"

_BINARY = {"binary": OPERANDS["binary"].replace(" out_shape:B", "")}
_PROD = {"reduce_prod": OPERANDS["reduce_prod"].removeprefix("dtype:B ")}
_SIGMOID = {"sigmoid": OPERANDS["sigmoid"].removesuffix(" out_strides:B")}
_MATMUL = {"matmul": "a_shape:B b_shape:B low:f high:f"}
_GRU = {"gru": OPERANDS["gru"].removesuffix(" linear_before_reset:?")}
_CALL = {"call": "module:I inputs:B outputs:B"}

_ABSENT_1_6 = ("space_to_batch",)
_ABSENT_1_3 = (*_ABSENT_1_6, "softmax")
_ABSENT_1_0 = (*_ABSENT_1_3, "matmul")

_NEWEST_UNARY = tuple(UnaryOp)
_UNARY_WITHOUT_ERF = tuple(op for op in UnaryOp if op is not UnaryOp.ERF)
_UNARY_WITHOUT_SIGN = tuple(op for op in _UNARY_WITHOUT_ERF if op is not UnaryOp.SIGN)
_FIRST_UNARY = tuple(op for op in _UNARY_WITHOUT_SIGN if op not in (UnaryOp.ACOS, UnaryOp.ASIN))


@dataclass(frozen=True)
class Layout:
    """Operands of one tensor instruction: their names, and how they are packed."""

    names: tuple[str, ...]
    packed: struct.Struct


@cache
def _parse(text: str) -> Layout:
    pairs = [part.split(":") for part in text.split()]
    names = tuple(name for name, _ in pairs)
    return Layout(names, struct.Struct("<" + "".join(code for _, code in pairs)))


@dataclass(frozen=True)
class Release:
    """One way to read tensor instructions.

    Attributes:
        group: Releases that share the numbers.
        releases: Those of the group that this entry is about; others differ in operands.
        functions: Names by number.
        changes: Operands that differ from `OPERANDS`, by name.
        absent: Functions that have a number and that no runtime of these releases reads.
        unary: Functions of `unary` by number.
        padding_words: Numbers that one padding takes on the stack: 2, or 3 with the interior.
        before_functions: Whether files have the layout of nncase before 1.0.
        strides_of_one: Whether axes of size 1 have a stride as others do, instead of 0. Runtimes
            take faster kernels where the strides of a tensor without gaps are those they expect
            (`runtime_op_utility.h`).
    """

    group: str
    releases: str
    functions: tuple[str, ...]
    changes: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    unary: tuple[UnaryOp, ...] = _UNARY_WITHOUT_ERF
    padding_words: int = 3
    before_functions: bool = False
    strides_of_one: bool = False

    def layout(self, name: str) -> Layout | None:
        """Return the operands of an instruction; None where no runtime reads it."""
        text = None if name in self.absent else self.changes.get(name) or OPERANDS.get(name)
        return _parse(text) if text else None


_OLD = {"changes": _BINARY, "absent": _ABSENT_1_0, "padding_words": 2}


def _release(group: str, releases: str, functions: str, **rest: object) -> Release:
    return Release(group, releases, tuple(functions.split()), **rest)  # type: ignore[arg-type]


# Newest first: where several decode a file, the first is taken.
RELEASES = (
    _release("1.6-1.9", "1.9", _V1_8, unary=_NEWEST_UNARY, strides_of_one=True),
    _release("1.6-1.9", "1.8", _V1_8, unary=_NEWEST_UNARY, changes=_GRU),
    _release("1.6-1.9", "1.6-1.7", _V1_6, absent=_ABSENT_1_6),
    _release("1.3-1.5", "1.4-1.5", _V1_3, changes=_PROD, absent=_ABSENT_1_3),
    _release("1.3-1.5", "1.3", _V1_3, changes=_PROD | _BINARY | _MATMUL, absent=_ABSENT_1_3),
    _release("1.2", "1.2", _V1_2, changes=_PROD | _BINARY | _SIGMOID, absent=_ABSENT_1_0),
    _release("1.1", "1.1", _V1_1, changes=_PROD | _BINARY, absent=_ABSENT_1_0),
    _release("1.0", "1.0", _V1_0, **_OLD, unary=_UNARY_WITHOUT_SIGN),
    _release("1.0-beta1", "1.0-rc1", _FIRST, **_OLD, unary=_UNARY_WITHOUT_SIGN),
    _release("1.0-beta1", "1.0-beta1-beta2", _FIRST, **_OLD, unary=_FIRST_UNARY),
    _release(
        "before 1.0",
        "before 1.0",
        _FIRST,
        changes=_BINARY | _CALL,
        absent=_ABSENT_1_0,
        unary=_FIRST_UNARY,
        padding_words=2,
        before_functions=True,
    ),
)
