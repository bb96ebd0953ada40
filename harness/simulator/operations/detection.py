"""Box decoding and suppression, as TFLite's custom operator does them.

Source: nncase v1.9.0 `tflite_detection_postprocess.cpp`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.kmodel.operations import DetectionPostprocess
from harness.simulator.errors import unsupported

Floats = npt.NDArray[np.float32]
Found = tuple[Floats, Floats, Floats, Floats]


def detection_postprocess(
    operation: DetectionPostprocess, boxes: Tensor, scores: Tensor, anchors: Tensor
) -> tuple[Tensor, ...]:
    """Return locations, classes, scores and number of what is found.

    Behind the last one found the runtime leaves what was in its memory; here are zeros.
    """
    items = max(t.shape[0] for t in (boxes, scores, anchors))
    arrays = [t.expand(items, *t.shape[1:]).cpu().numpy() for t in (boxes, scores, anchors)]
    search = _of_each_class if operation.regular_suppression else _of_the_best_classes
    found = [
        search(operation, _decoded(operation, box[0], anchor), score[0])
        for box, score, anchor in zip(*arrays, strict=True)
    ]
    columns = zip(*found, strict=True)
    return tuple(torch.from_numpy(np.stack(each)).to(boxes.device) for each in columns)


def _decoded(operation: DetectionPostprocess, boxes: Floats, anchors: Floats) -> Floats:
    """Return top, left, bottom, right [N, 4]; centres and sizes are rounded to float32 between."""
    wide, anchor = boxes.astype(np.float64), anchors.astype(np.float64)
    scale = np.array(operation.scale, np.float32).astype(np.float64)
    centre = (wide[:, :2] / scale[:2] * anchor[:, 2:] + anchor[:, :2]).astype(np.float32)
    half = (0.5 * np.exp(wide[:, 2:4] / scale[2:]) * anchor[:, 2:]).astype(np.float32)
    return np.concatenate([centre - half, centre + half], 1)


def _of_the_best_classes(operation: DetectionPostprocess, corners: Floats, scores: Floats) -> Found:
    """Suppress boxes by their best class, and give the best few classes of each that is left."""
    own = scores[:, scores.shape[1] - operation.classes :]
    count = min(operation.max_classes_per_detection, operation.classes)
    best = np.argsort(-own, 1, kind="stable")[:, :count]
    kept = _suppressed(operation, corners, own[np.arange(len(own)), best[:, 0]])
    locations, classes, values, number = _nothing(operation)
    for place, box in enumerate(kept):
        first = place * operation.max_classes_per_detection
        span = slice(first, first + count)
        locations[0, span], classes[0, span] = corners[box], best[box]
        values[0, span] = own[box, best[box]]
    number[0] = len(kept)
    return locations, classes, values, number


def _of_each_class(operation: DetectionPostprocess, corners: Floats, scores: Floats) -> Found:
    """Suppress boxes class by class, all but the last class, and give the best of all."""
    offset = scores.shape[1] - operation.classes
    room = operation.max_detections
    found: list[tuple[np.float32, int, int]] = []
    for number in range(operation.classes - 1):
        own = scores[:, number + offset]
        kept = _suppressed(operation, corners, own)
        if len(kept) > min(operation.detections_per_class, room):
            raise unsupported(operation, f"{len(kept)} boxes of a class, more than it has room for")
        # Of equal scores the newer come first.
        newer = [(own[box], box, number) for box in kept]
        found = sorted(newer + found, key=lambda one: -one[0])[:room]
    locations, classes, values, count = _nothing(operation)
    for place, (score, box, number) in enumerate(found):
        locations[0, place], classes[0, place], values[0, place] = corners[box], number, score
    count[0] = len(found)
    return locations, classes, values, count


def _nothing(operation: DetectionPostprocess) -> Found:
    shapes = (buffer.shape for buffer in operation.outputs)
    locations, classes, scores, number = (np.zeros(shape, np.float32) for shape in shapes)
    return locations, classes, scores, number


def _suppressed(operation: DetectionPostprocess, corners: Floats, scores: Floats) -> list[int]:
    """Return boxes from the best down, without those that overlap one before."""
    kept: list[int] = []
    threshold = np.float32(operation.score_threshold)
    candidates = [int(n) for n in np.argsort(-scores, kind="stable") if scores[n] >= threshold]
    for box in candidates:
        if len(kept) >= operation.max_detections:
            break
        if all(_overlap(corners[one], corners[box]) <= operation.iou_threshold for one in kept):
            kept.append(box)
    return kept


def _overlap(a: Floats, b: Floats) -> np.float32:
    """Return the area that two boxes share, as a part of what they cover together."""
    area_a, area_b = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    if area_a <= 0 or area_b <= 0:
        return np.float32(0)
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), np.float32(0))
    shared = sides[0] * sides[1]
    return np.float32(shared / (area_a + area_b - shared))
