"""YOLO v2's region layer: from a feature map to boxes.

Source of the arithmetic: Redmon and Farhadi, "YOLO9000", 2017, section 2; of what the results
look like: MaixPy-v1 `Maix_kpu.c`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def detections(
    values: Floats,
    threshold: float,
    overlap: float,
    anchors: list[float],
    size: tuple[int, int],
) -> list[dict[str, float]]:
    """Return the boxes of one picture.

    Args:
        values: float32 [anchors * (5 + classes), rows, columns].
        threshold: Least probability of a box's class.
        overlap: Intersection over union from which the less probable box of a class goes.
        anchors: Width and height of each anchor, in cells.
        size: Width and height of the picture, in pixels.
    """
    count = len(anchors) // 2
    channels, rows, columns = values.shape
    cells = values.reshape(count, channels // count, rows, columns)
    sizes = np.asarray(anchors, np.float32).reshape(count, 2)
    x = (_sigmoid(cells[:, 0]) + np.arange(columns)) / columns
    y = (_sigmoid(cells[:, 1]) + np.arange(rows)[:, None]) / rows
    w = np.exp(cells[:, 2]) * sizes[:, 0, None, None] / columns
    h = np.exp(cells[:, 3]) * sizes[:, 1, None, None] / rows
    chances = _sigmoid(cells[:, 4])[:, None] * _softmax(cells[:, 5:])
    boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2]).reshape(4, -1).T
    chances = np.moveaxis(chances, 1, -1).reshape(len(boxes), -1)
    kept = _kept(boxes, np.where(chances > threshold, chances, 0), overlap)
    return [_found(index, len(kept), *one, size) for index, one in enumerate(kept)]


def _kept(
    boxes: npt.NDArray[np.floating], chances: npt.NDArray[np.floating], overlap: float
) -> list[tuple[npt.NDArray[np.floating], int, float]]:
    chances = chances.copy()
    for kind in range(chances.shape[1]):
        order = np.argsort(-chances[:, kind], kind="stable")
        order = order[chances[order, kind] > 0]
        for place, first in enumerate(order):
            if not chances[first, kind]:
                continue
            for second in order[place + 1 :]:
                if _union_share(boxes[first], boxes[second]) > overlap:
                    chances[second, kind] = 0
    best = chances.argmax(1)
    return [
        (boxes[index], int(best[index]), float(chances[index, best[index]]))
        for index in np.flatnonzero(chances.max(1) > 0)
    ]


def _found(
    index: int,
    count: int,
    box: npt.NDArray[np.floating],
    kind: int,
    chance: float,
    size: tuple[int, int],
) -> dict[str, float]:
    width, height = size
    left, right = (int(min(max(v, 0), 1) * width) for v in (box[0], box[2]))
    top, bottom = (int(min(max(v, 0), 1) * height) for v in (box[1], box[3]))
    place = {"x": left, "y": top, "w": right - left, "h": bottom - top}
    return {**place, "value": chance, "classid": kind, "index": index, "objnum": count}


def _union_share(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> float:
    left, top = np.maximum(one[:2], other[:2])
    right, bottom = np.minimum(one[2:], other[2:])
    shared = max(right - left, 0) * max(bottom - top, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)


def _softmax(x: Floats) -> Floats:
    powers = np.exp(x - x.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)
