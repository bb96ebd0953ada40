"""Instructions that pick elements by index or value, or draw them."""

from __future__ import annotations

from harness.kmodel.memory import DType
from harness.kmodel.operations import (
    DetectionPostprocess,
    Gather,
    GatherElements,
    GatherNd,
    OneHot,
    Operation,
    RandomNormal,
    RandomUniform,
    TopK,
)
from harness.kmodel.v5.tensors.instruction import Instruction


def gather(instruction: Instruction) -> Operation:
    """Slices picked by index along an axis."""
    dtype = instruction.dtype()
    into = instruction.tensor("x", dtype)
    return Gather(
        name="",
        offset=instruction.at,
        inputs=(into, instruction.tensor("index", DType.I32)),
        outputs=(instruction.tensor("out", dtype, instruction.shape("out")),),
        axis=instruction.axis(len(into.shape)),
    )


def gather_nd(instruction: Instruction) -> Operation:
    """Slices picked by tuples of indices."""
    dtype = instruction.dtype()
    return GatherNd(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor("x", dtype),
            instruction.tensor("index", DType.I32),
        ),
        outputs=(instruction.tensor("out", dtype),),
        batch_dims=instruction.number("batch_dims"),
    )


def gather_elements(instruction: Instruction) -> Operation:
    """Elements picked by index; float32 by int64."""
    into = instruction.tensor("x", DType.F32)
    indices = instruction.tensor("index", DType.I64)
    return GatherElements(
        name="",
        offset=instruction.at,
        inputs=(into, indices),
        outputs=(instruction.tensor("out", DType.F32, indices.shape),),
        axis=instruction.axis(len(into.shape)),
    )


def onehot(instruction: Instruction) -> Operation:
    """Indices as vectors."""
    dtype = instruction.dtype()
    result = instruction.tensor("out", dtype)
    return OneHot(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor("index", DType.I32),
            instruction.tensor("depth", DType.I32, (1,)),
            instruction.tensor("on", dtype, (1,)),
            instruction.tensor("off", dtype, (1,)),
        ),
        outputs=(result,),
        axis=instruction.axis(len(result.shape)),
        negative_indices=instruction.choice("mode", (False, True)),
    )


def topk(instruction: Instruction) -> Operation:
    """The greatest or least elements, and where they stand."""
    dtype = instruction.dtype()
    into = instruction.tensor("x", dtype)
    return TopK(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(
            instruction.tensor("out", dtype),
            instruction.tensor("index", DType.I64),
        ),
        k=instruction.number("k"),
        axis=instruction.axis(len(into.shape)),
        largest=instruction.flag("largest"),
        sorted=instruction.flag("sorted"),
    )


def random_normal(instruction: Instruction) -> Operation:
    """Normally distributed numbers."""
    return RandomNormal(
        name="",
        offset=instruction.at,
        inputs=(),
        outputs=(instruction.tensor("out", instruction.dtype()),),
        mean=instruction.real("mean"),
        std=instruction.real("std"),
        seed=instruction.real("seed"),
    )


def random_uniform(instruction: Instruction) -> Operation:
    """Evenly distributed numbers."""
    return RandomUniform(
        name="",
        offset=instruction.at,
        inputs=(),
        outputs=(instruction.tensor("out", instruction.dtype()),),
        low=instruction.real("low"),
        high=instruction.real("high"),
        seed=instruction.real("seed"),
    )


def detection_postprocess(instruction: Instruction) -> Operation:
    """Boxes decoded and suppressed as TFLite does; float32."""
    f32 = DType.F32
    most = instruction.number("max_detections") * instruction.number("max_classes")
    return DetectionPostprocess(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor("box", f32),
            instruction.tensor("score", f32),
            instruction.tensor("anchor", f32),
        ),
        outputs=(
            instruction.tensor("locations", f32, (1, most, 4)),
            instruction.tensor("found", f32, (1, most)),
            instruction.tensor("scores", f32, (1, most)),
            instruction.tensor("count", f32, (1,)),
        ),
        max_detections=instruction.number("max_detections"),
        max_classes_per_detection=instruction.number("max_classes"),
        detections_per_class=instruction.number("per_class"),
        regular_suppression=instruction.flag("regular"),
        score_threshold=instruction.real("score_threshold"),
        iou_threshold=instruction.real("iou_threshold"),
        classes=instruction.number("classes"),
        scale=(
            instruction.real("y_scale"),
            instruction.real("x_scale"),
            instruction.real("h_scale"),
            instruction.real("w_scale"),
        ),
    )
