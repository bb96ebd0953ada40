"""Published figures that nothing can be predicted for, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """One figure.

    Attributes:
        source: Who published it.
        figure: What it says.
        reason: What is missing.
    """

    source: str
    figure: str
    reason: str


REFUSED = (
    Refused(
        "sipeed 691",
        "MobileNetV1 1.0 at QVGA 20 to 30 fps, YOLOv2 face 50 to 70, YOLOv3-tiny about 20",
        "neither clocks nor input sizes are said, and the loops are C programs with a camera",
    ),
    Refused(
        "neucrack 313",
        "a YOLOv2 of 224x224 with outputs 7x7x5x46, 50 ms",
        "the network is not named; only its output is known",
    ),
    Refused(
        "neucrack 313, sipeed 1811",
        "models run from flash, 34 to 117 ms",
        "the flash chip's clock is said, its transfers are not; `load_flash` is not predicted",
    ),
    Refused(
        "aXeleRate 4",
        "tiny YOLOv2 v4, about 13 fps",
        "the backbone and the input size are not said",
    ),
    Refused(
        "nncase 148",
        "MobileNetV1 30 ms, MobileNetV2 200 ms",
        "width and input size of both are not said, nor the compiler's release",
    ),
    Refused(
        "nncase 294",
        "a CNN for 28x28 pictures, 129 ms",
        "compiled and run by an unreleased nncase of 2021-07 (91413fc-dirty) whose commit is in no "
        "public branch; nncase 1.9 compiles the network otherwise",
    ),
    Refused(
        "nncase PR 538",
        "a detector of 320x240: 56 ms with nncase 0.2, 1308 to 1381 ms with 1.x",
        "only its outputs are known (9000 boxes); the single operations have no sizes",
    ),
    Refused(
        "nncase 594",
        "MobileFaceNet 150 ms with nncase 0.2 beta 4, 400 ms with 1.6",
        "no compiler of 0.2 runs here, and the TFLite file could not be had",
    ),
    Refused(
        "kendryte-standalone-sdk 108",
        "eight layers of 0.08 to 3.3 ms",
        "the network is not named",
    ),
    Refused(
        "Linzaer Ultra-Light issue 146, nncase 95",
        "slim-320: first layer 0.01 ms, second 0.04 ms",
        "shorter than the layers compute: the first takes 0.14 ms of cycles at 400 MHz",
    ),
    Refused(
        "zhen8838/K210_Yolo_framework 8, MaixPy 360",
        "0.2 fps, about 1 fps",
        "users' programs, whose own work takes most of the time",
    ),
)
