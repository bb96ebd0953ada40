"""Which tensor instruction an operation becomes, and by which names that knows its parts.

The names are those of `harness.kmodel.v5.releases` and `harness.kmodel.v5.stacks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.errors import ConversionError
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    BatchToSpace,
    Binary,
    Broadcast,
    Compare,
    CompareOp,
    Conv2d,
    Convert,
    Copy,
    Cumsum,
    Dequantize,
    DetectionPostprocess,
    Gather,
    GatherElements,
    GatherNd,
    Gru,
    Hardmax,
    LayerNormalization,
    Lut1d,
    MatMul,
    OneHot,
    Operation,
    Pad,
    Quantize,
    RandomNormal,
    RandomUniform,
    Reduce,
    ReduceArg,
    ReduceProd,
    ReduceWindow2d,
    Resize,
    RoiAlign,
    Sigmoid,
    Slice,
    Softmax,
    SpaceToBatch,
    Ternary,
    TopK,
    Transpose,
    Trilu,
    Unary,
)

Values = dict[str, Callable[[Any], Any]]


@dataclass(frozen=True)
class Form:
    """How an operation is written.

    Attributes:
        name: Name of the instruction in `harness.kmodel.v5.releases`.
        inputs: Names of the operation's inputs, by which operands refer to them.
        outputs: Names of its outputs.
        late: What of its stack is pushed behind the shapes, as nncase does.
        typed: The tensor whose element type the instruction names.
        values: Operands and pushed values that are no field of the operation.
    """

    name: str
    inputs: str = "x"
    outputs: str = "out"
    late: str = ""
    typed: str = "x"
    values: Values = field(default_factory=dict)

    def tensors(self, operation: Operation) -> dict[str, Buffer]:
        """Return the operation's buffers by name.

        Raises:
            ConversionError: It has more or fewer.
        """
        names = self.inputs.split(), self.outputs.split()
        ends = operation.inputs, operation.outputs
        found = [len(buffers) for buffers in ends]
        if found != [len(part) for part in names]:
            raise ConversionError(f"it has {found[0]} inputs and {found[1]} outputs")
        return dict(zip([*names[0], *names[1]], [*ends[0], *ends[1]], strict=True))


def _pair(name: str) -> Form:
    return Form(name, inputs="a b", typed="a")


def _random(name: str) -> Form:
    return Form(name, inputs="", typed="out")


_DETECTION: Values = {
    "max_classes": lambda op: op.max_classes_per_detection,
    "per_class": lambda op: op.detections_per_class,
    "regular": lambda op: op.regular_suppression,
    "y_scale": lambda op: op.scale[0],
    "x_scale": lambda op: op.scale[1],
    "h_scale": lambda op: op.scale[2],
    "w_scale": lambda op: op.scale[3],
}

FORMS: dict[type[Operation], Form] = {
    BatchToSpace: Form("batch_to_space"),
    Binary: _pair("binary"),
    Broadcast: Form("broadcast"),
    Compare: _pair("compare"),
    Conv2d: Form("conv2d", inputs="x w bias"),
    Convert: Form("convert"),
    Copy: Form("copy"),
    Cumsum: Form("cumsum"),
    Dequantize: Form("dequantize", late="scale bias"),
    DetectionPostprocess: Form(
        "tflite_detection_postprocess",
        inputs="box score anchor",
        outputs="locations found scores count",
        typed="box",
        values=_DETECTION,
    ),
    Gather: Form("gather", inputs="x index"),
    GatherElements: Form("gather_elements", inputs="x index"),
    GatherNd: Form("gather_nd", inputs="x index"),
    Gru: Form("gru", inputs="x w r b initial", outputs="out last"),
    Hardmax: Form("hardmax"),
    LayerNormalization: Form("layer_normalization", inputs="x scale bias"),
    Lut1d: Form(
        "lut1d",
        inputs="x table",
        values={"table_size": lambda op: op.inputs[1].elements},
    ),
    MatMul: Form("matmul", inputs="a b bias", typed="a"),
    OneHot: Form(
        "onehot",
        inputs="index depth on off",
        typed="out",
        values={"mode": lambda op: op.negative_indices},
    ),
    Pad: Form("pad"),
    Quantize: Form("quantize", late="scale bias"),
    RandomNormal: _random("random_normal"),
    RandomUniform: _random("random_uniform"),
    Reduce: Form("reduce"),
    ReduceArg: Form("reduce_arg", values={"op": lambda op: op.largest}),
    ReduceProd: Form("reduce_prod"),
    ReduceWindow2d: Form("reduce_window2d"),
    Resize: Form(
        "resize_image",
        values={
            "height": lambda op: op.output.shape[2],
            "width": lambda op: op.output.shape[3],
        },
    ),
    RoiAlign: Form("roi_align", inputs="x regions batches"),
    Sigmoid: Form("sigmoid"),
    Slice: Form("slice"),
    Softmax: Form("softmax"),
    SpaceToBatch: Form("space_to_batch"),
    Ternary: Form("ternary", inputs="a b c", typed="b"),
    TopK: Form("topk", outputs="out index"),
    Transpose: Form("transpose"),
    Trilu: Form("trilu"),
    Unary: Form("unary"),
}
EQUAL = _pair("equal")


def form_of(operation: Operation, functions: tuple[str, ...]) -> Form | None:
    """Return how an operation is written by a release with these functions; None for not."""
    if isinstance(operation, Compare) and "compare" not in functions:
        return EQUAL if operation.op is CompareOp.EQUAL else None
    return FORMS.get(type(operation))
