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
    """Take indices, out, x."""
    machine, dtype = instruction.machine, instruction.dtype()
    index, out, source = (machine.pop_address() for _ in range(3))
    into = instruction.tensor(source, "x", dtype)
    return Gather(
        name="",
        offset=instruction.at,
        inputs=(into, instruction.tensor(index, "index", DType.I32)),
        outputs=(instruction.tensor(out, "out", dtype, instruction.shape("out")),),
        axis=instruction.axis(len(into.shape)),
    )


def gather_nd(instruction: Instruction) -> Operation:
    """Take indices, out, x."""
    machine, dtype = instruction.machine, instruction.dtype()
    index, out, source = (machine.pop_address() for _ in range(3))
    return GatherNd(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor(source, "x", dtype),
            instruction.tensor(index, "index", DType.I32),
        ),
        outputs=(instruction.tensor(out, "out", dtype),),
        batch_dims=instruction.number("batch_dims"),
    )


def gather_elements(instruction: Instruction) -> Operation:
    """Take out, indices, x; float32 picked by int64."""
    machine = instruction.machine
    out, index, source = (machine.pop_address() for _ in range(3))
    into = instruction.tensor(source, "x", DType.F32)
    indices = instruction.tensor(index, "index", DType.I64)
    return GatherElements(
        name="",
        offset=instruction.at,
        inputs=(into, indices),
        outputs=(instruction.tensor(out, "out", DType.F32, indices.shape),),
        axis=instruction.axis(len(into.shape)),
    )


def onehot(instruction: Instruction) -> Operation:
    """Take out, off value, on value, depth, indices."""
    machine, dtype = instruction.machine, instruction.dtype()
    out, off, on, depth, index = (machine.pop_address() for _ in range(5))
    result = instruction.tensor(out, "out", dtype)
    return OneHot(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor(index, "index", DType.I32),
            instruction.tensor(depth, "depth", DType.I32, (1,)),
            instruction.tensor(on, "on", dtype, (1,)),
            instruction.tensor(off, "off", dtype, (1,)),
        ),
        outputs=(result,),
        axis=instruction.axis(len(result.shape)),
        negative_indices=instruction.choice("mode", (False, True)),
    )


def topk(instruction: Instruction) -> Operation:
    """Take indices, values, x."""
    machine, dtype = instruction.machine, instruction.dtype()
    index, out, source = (machine.pop_address() for _ in range(3))
    into = instruction.tensor(source, "x", dtype)
    return TopK(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(
            instruction.tensor(out, "out", dtype),
            instruction.tensor(index, "index", DType.I64),
        ),
        k=instruction.number("k"),
        axis=instruction.axis(len(into.shape)),
        largest=instruction.flag("largest"),
        sorted=instruction.flag("sorted"),
    )


def random_normal(instruction: Instruction) -> Operation:
    """Take out."""
    out = instruction.machine.pop_address()
    return RandomNormal(
        name="",
        offset=instruction.at,
        inputs=(),
        outputs=(instruction.tensor(out, "out", instruction.dtype()),),
        mean=instruction.real("mean"),
        std=instruction.real("std"),
        seed=instruction.real("seed"),
    )


def random_uniform(instruction: Instruction) -> Operation:
    """Take out."""
    out = instruction.machine.pop_address()
    return RandomUniform(
        name="",
        offset=instruction.at,
        inputs=(),
        outputs=(instruction.tensor(out, "out", instruction.dtype()),),
        low=instruction.real("low"),
        high=instruction.real("high"),
        seed=instruction.real("seed"),
    )


def detection_postprocess(instruction: Instruction) -> Operation:
    """Take number, scores, classes, locations, anchors, scores, boxes; float32."""
    machine, f32 = instruction.machine, DType.F32
    count, scores, classes, locations, anchor, score, box = (
        machine.pop_address() for _ in range(7)
    )
    found = instruction.number("max_detections") * instruction.number("max_classes")
    return DetectionPostprocess(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor(box, "box", f32),
            instruction.tensor(score, "score", f32),
            instruction.tensor(anchor, "anchor", f32),
        ),
        outputs=(
            instruction.tensor(locations, "locations", f32, (1, found, 4)),
            instruction.tensor(classes, "classes", f32, (1, found)),
            instruction.tensor(scores, "scores", f32, (1, found)),
            instruction.tensor(count, "count", f32, (1,)),
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
