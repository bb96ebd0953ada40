"""Networks whose times were published: built from their papers, or read from listings.

The listings hold the steps of kmodels that stand in the repositories of nncase
(`examples/fast_facedetect`, `examples/20classes_yolo`, `examples/yolox`), written by
`harness.timing.listing`; the files themselves are not shipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.kmodel.program import Version
from harness.timing import listing
from harness.timing.steps import INPUT, CpuStep, KpuStep, Network, Step

LISTINGS = Path(__file__).parent / "listings"
# Output channels and strides of MobileNetV1's thirteen blocks (arXiv 1704.04861, table 1).
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)
)  # fmt: skip


def listed(name: str) -> Network:
    """Return a network that is kept as text."""
    return listing.read((LISTINGS / f"{name}.txt").read_text())


def layer(
    into: int, out: int, size: tuple[int, int], kernel: int = 1, *, copied: bool = False
) -> KpuStep:
    """Return a layer with 8-bit weights and no pooling."""
    copy = out * size[0] * size[1] if copied else 0
    return KpuStep("", 1, (into, out), size, kernel, depthwise=False, copied=copy)


def depthwise(channels: int, size: tuple[int, int]) -> KpuStep:
    """Return a depthwise 3x3 layer."""
    return KpuStep("", 1, (channels, channels), size, 3, depthwise=True)


@dataclass
class _Trunk:
    """A chain of layers while it is built."""

    version: Version
    size: tuple[int, int]
    channels: int
    steps: list[Step] = field(default_factory=list)

    def block(self, out: int, stride: int) -> None:
        """Add a depthwise and a 1x1 layer.

        nncase 0.1 halves the map behind the depthwise layer, later versions behind the 1x1 layer
        (nncase issues 77 and 92).
        """
        half = self.size[0] // stride, self.size[1] // stride
        first, second = depthwise(self.channels, self.size), layer(self.channels, out, half)
        if self.version == 3:
            self.steps += [replace(first, stride=stride), second]
        else:
            self.steps += [first, replace(second, size=self.size, stride=stride)]
        self.size, self.channels = half, out


def mobilenet(
    alpha: float, size: tuple[int, int], version: Version, blocks: int = len(BLOCKS)
) -> _Trunk:
    """Return MobileNetV1 up to and without its pooling; stride 2 in the first layer."""
    first = int(32 * alpha)
    half = size[0] // 2, size[1] // 2
    picture = CpuStep(INPUT, INPUT, 3 * size[0] * size[1], width=size[0])
    trunk = _Trunk(version, half, first, [picture, replace(layer(3, first, size, 3), stride=2)])
    for channels, stride in BLOCKS[:blocks]:
        trunk.block(int(channels * alpha), stride)
    return trunk


def classifier(alpha: float, side: int, classes: int, version: Version) -> Network:
    """Return MobileNetV1 with its classes: on the KPU in v3, by a matrix product in v4."""
    trunk = mobilenet(alpha, (side, side), version)
    width, height = trunk.size
    values = trunk.channels * width * height
    last = trunk.steps.pop()
    assert isinstance(last, KpuStep)
    trunk.steps.append(replace(last, copied=values))
    pooled = [("dequantize", values), ("global_average_pool", values), ("quantize", trunk.channels)]
    steps = [*trunk.steps, *(CpuStep(kind, kind, count) for kind, count in pooled)]
    if version == 3:
        on_kpu = layer(trunk.channels, classes, (4, 4), copied=True)
        steps += [
            CpuStep("", "kpu_add_padding", trunk.channels, width=4),
            on_kpu,
            CpuStep("", "kpu_remove_padding", classes, width=4),
            CpuStep("", "dequantize", classes),
        ]
    else:
        product = trunk.channels * classes
        steps.append(CpuStep("", "matmul", product, product))
    return Network(version, (*steps, CpuStep("", "softmax", classes)), (side, side))


def face_detector() -> Network:
    """Return Sipeed's YOLOv2 face detector, kmodel v3, 320x240.

    Eleven blocks of MobileNetV1 0.5 and a 1x1 head for 5 boxes: map sizes and the 380 KB of 8-bit
    weights as in MaixPy's documentation of `KPU`, layer by layer as long as in nncase issue 77.
    """
    trunk = mobilenet(0.5, (320, 240), 3, blocks=10)
    trunk.steps += [
        depthwise(trunk.channels, trunk.size),
        layer(trunk.channels, 30, trunk.size, copied=True),
        CpuStep("", "dequantize", 30 * trunk.size[0] * trunk.size[1]),
    ]
    return Network(3, tuple(trunk.steps), (320, 240))


def with_region_layer(network: Network) -> Network:
    """Return a detector with MaixPy's `run_yolo2` behind it: an exponential for each output."""
    outputs = network.steps[-1]
    assert isinstance(outputs, CpuStep)
    last = CpuStep("region layer", "softmax", outputs.elements)
    return replace(network, steps=(*network.steps, last))


def person_detector() -> Network:
    """Return a YOLOv2 on MobileNetV1 0.75, 224x224, for one class, kmodel v4."""
    trunk = mobilenet(0.75, (224, 224), 4)
    outputs = 30 * trunk.size[0] * trunk.size[1]
    head = layer(trunk.channels, 30, trunk.size, copied=True)
    steps = (*trunk.steps, head, CpuStep("", "dequantize", outputs))
    return with_region_layer(Network(4, steps, (224, 224)))


def mobilenet_log() -> tuple[KpuStep, ...]:
    """Return the layers that the log in nncase issue 92 begins with.

    The network is not named: MobileNetV1 0.75 at 224x224 is what the times tell.
    """
    trunk = mobilenet(0.75, (224, 224), 4, blocks=10)
    return tuple(step for step in trunk.steps if isinstance(step, KpuStep))


def chain(layers: int) -> Network:
    """Return the test network of nncase issues 95 and 96: 16 channels, 320x240, kmodel v4.

    The first layer strides. Of the issue with three layers more all run at 160x120; of the other
    all but the first two at 80x60.
    """
    half, quarter = (160, 120), (80, 60)
    inner = [half] * 3 if layers == 4 else [half, *[quarter] * (layers - 2)]
    steps: list[Step] = [
        CpuStep(INPUT, INPUT, 3 * 320 * 240, width=320),
        replace(layer(3, 16, (320, 240), 3), stride=2),
        *(layer(16, 16, size, 3) for size in inner[:-1]),
        layer(16, 16, inner[-1], 3, copied=True),
        CpuStep("", "dequantize", 16 * inner[-1][0] * inner[-1][1]),
    ]
    return Network(4, tuple(steps), (320, 240))


def normalised_chain() -> Network:
    """Return the network of nncase issue 428: three layers behind a normalisation on the CPU.

    nncase 1.9 compiles its layers so; the steps of the normalisation are those in yolox_nano, a
    file of the same months.
    """
    values = 3 * 320 * 224
    kinds = ("dequantize", "convert", "binary", "binary", "convert", "quantize")
    steps: tuple[Step, ...] = (
        *(CpuStep("", kind, values) for kind in kinds),
        CpuStep("", "kpu_upload", values, width=320),
        layer(3, 16, (320, 224), 3),
        layer(16, 16, (80, 56), 3),
        layer(16, 2, (20, 14), 3),
        CpuStep("", "kpu_download", 560, width=20),
        CpuStep("", "dequantize", 560),
        CpuStep("", "reduce_window2d", 432),
    )
    return Network(5, steps, (320, 224))


def sweep(width: int, height: int) -> KpuStep:
    """Return a layer of the sweep in bbs.sipeed.com/t/topic/691: 128 channels, 16-bit weights."""
    return replace(layer(128, 128, (width, height), 3), weight_bytes=2)
