"""Every published figure that a network, or a layer, is known to.

Depthwise layers are seen together: they compute for some 10 µs each, and what their starts take
differs from line to line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.kmodel.program import Version
from harness.timing.costs import Amounts, added, amounts, total
from harness.timing.fitting import Clocks, Observation
from harness.timing.published import networks
from harness.timing.steps import CpuStep, KpuStep, Network, Step

Kind = Literal["layer", "run"]

ISSUES = "github.com/kendryte/nncase/issues"
# Sources, by the name that the table shows.
SOURCES = {
    "sipeed 691": "bbs.sipeed.com/t/topic/691",
    "sipeed 1790": "en.bbs.sipeed.com/t/topic/1790",
    "sipeed 1811": "en.bbs.sipeed.com/t/topic/1811",
    "neucrack 313": "neucrack.com/p/313",
    "nncase README": "github.com/kendryte/nncase, examples/fast_facedetect/Readme.md, 2020-01",
    **{f"nncase {number}": f"{ISSUES}/{number}" for number in (77, 79, 81, 92, 95, 96, 415, 428)},
}
# Sources that timed the same networks: none of them is a stranger to the others.
FAMILIES = (
    ("nncase README", "nncase 79", "nncase 81"),
    ("nncase 77", "neucrack 313"),
    ("nncase 95", "nncase 96"),
    ("sipeed 1790", "sipeed 1811"),
)
# Every line of the log in issue 92, even a depthwise layer's that computes for 13 µs, says
# 0.24 ms and more; the logs of two others (77; 95 and 96) say 0.02 to 0.06 for such layers. What
# its build adds to each line is fitted apart and is no part of a prediction.
LOG_LINE = "log_line"


@dataclass(frozen=True)
class Figure:
    """One published time.

    Attributes:
        source: A key of `SOURCES`.
        label: What ran.
        kind: One layer or operation, or a whole run.
        amounts: What it asks of the chip.
        ms: What was published.
        clocks: The clocks it was measured at; 400 MHz where nothing is said.
        remark: What the reader has to know.
    """

    source: str
    label: str
    kind: Kind
    amounts: Amounts
    ms: float
    clocks: Clocks = Clocks()  # noqa: RUF009  frozen
    remark: str = ""

    @property
    def observation(self) -> Observation:
        """The figure as something to fit."""
        return Observation(self.source, self.label, self.amounts, self.ms, self.clocks)


def figures(singly: bool = False) -> tuple[Figure, ...]:
    """Return all figures.

    Args:
        singly: Count each depthwise layer of a log; else all of a log are one figure.
    """
    logs = (*_face(singly), *_log92(singly))
    return (*_sweep(), *logs, *_chains(), *_detectors(), *_classifiers(), *_v5())


def _sweep() -> Iterator[Figure]:
    clocks = Clocks(cpu_hz=500e6, kpu_hz=300e6)
    measured = {
        (4, 4): 0.339,
        (16, 4): 0.339,
        (16, 16): 0.417,
        (32, 16): 0.692,
        (32, 32): 1.138,
        (64, 32): 2.125,
        (64, 64): 3.891,
        (128, 64): 7.709,
        (128, 128): 14.778,
        (256, 256): 57.756,
    }
    for (width, height), ms in measured.items():
        wanted = amounts(networks.sweep(width, height), 3)
        label = f"128 → 128 channels, 3x3, {width}x{height}"
        yield Figure("sipeed 691", label, "layer", wanted, ms, clocks)


def _face(singly: bool) -> Iterator[Figure]:
    pointwise = (0.514, 0.680, 1.328, 0.704, 1.385, 0.781, 1.522, 1.521, 1.521, 1.521, 0.326)
    single = (0.039, 0.029, 0.053, 0.020, 0.034, 0.016, 0.025, 0.026, 0.026, 0.026, 0.025)
    network = networks.face_detector()
    steps = network.steps[1:]
    yield from _lines(
        "nncase 77", steps, 3, (0.206, *_woven(single, pointwise), 0.404), singly=singly
    )
    face = total(_without_input(network), start=False)
    yield Figure("nncase 77", "YOLOv2 face, v3, all layers", "run", face, 12.732)
    loop = total(networks.with_region_layer(network))
    remark = "with the region layer, an exponential for each output"
    yield Figure("neucrack 313", "YOLOv2 face, v3, in MaixPy", "run", loop, 24.0, remark=remark)


def _log92(singly: bool) -> Iterator[Figure]:
    pointwise = (0.877, 2.936, 1.564, 2.959, 1.645, 3.138, 1.892, 1.890, 1.890, 1.890)
    single = (0.268, 0.258, 0.266, 0.254, 0.256, 0.276, 0.237, 0.263, 0.266, 0.266)
    measured = (0.237, *_woven(single, pointwise))
    remark = "this log adds about 0.2 ms to every line"
    yield from _lines(
        "nncase 92", networks.mobilenet_log(), 4, measured, {LOG_LINE: 1.0}, remark, singly
    )


def _chains() -> Iterator[Figure]:
    four, six = (networks.chain(count).steps for count in (4, 6))
    yield from _lines("nncase 95", four, 4, (0.329, 0.210, 0.268, 0.268, 26.563, 9.357))
    yield from _lines("nncase 96", six[1:], 4, (0.211, 0.269, 0.099, 0.098, 0.099, 6.690, 2.341))
    for count, ms in ((6, 9.807), (8, 10.005)):
        wanted = total(_without_input(networks.chain(count)), start=False)
        yield Figure("nncase 96", f"{count} layers, v4, all", "run", wanted, ms)


def _detectors() -> Iterator[Figure]:
    slim, first = networks.listed("slim_320"), networks.listed("rfb_320_first")
    rfb, ultra = networks.listed("rfb_320"), networks.listed("ultra_face")
    yield Figure("nncase README", "slim-320, v4", "run", total(slim), 65.6)
    yield Figure("nncase README", "RFB-320, v4, first build", "run", total(first), 796.2)
    yield Figure("nncase README", "RFB-320, v4", "run", total(rfb), 164.8)
    yield Figure("nncase 79", "RFB-320, v4", "run", total(rfb), 180.0)
    yield Figure("nncase 79", "ultra_face, v4", "run", total(ultra), 1000.0, remark="“around 1 s”")
    yield Figure(
        "nncase 81",
        "slim-320, v4, operations",
        "run",
        total(_without_input(slim), start=False),
        60.0,
    )
    upload = CpuStep("", "kpu_upload", 3 * 320 * 240, width=320)
    whole = added([total(_without_input(slim), start=False), amounts(upload, 4)])
    remark = "input copied by the CPU, as in the SDK of 2020-01"
    yield Figure("nncase 81", "slim-320, v4, with its input", "run", whole, 81.0, remark=remark)


def _classifiers() -> Iterator[Figure]:
    third, fourth = (networks.classifier(0.75, 224, 1000, version) for version in (3, 4))
    label = "MobileNetV1 0.75, 1000 classes"
    yield Figure("sipeed 1790", f"{label}, v3", "run", total(third), 37.0)
    yield Figure("sipeed 1790", f"{label}, v4", "run", total(fourth), 111.0)
    clocks = Clocks(cpu_hz=481e6, kpu_hz=398e6)
    yield Figure("sipeed 1811", f"{label}, v3", "run", total(third), 40.0, clocks)


def _v5() -> Iterator[Figure]:
    yolox = total(networks.listed("yolox_nano"))
    remark = "“more than 1200 ms”"
    yield Figure("nncase 415", "yolox_nano, v5", "run", yolox, 1200.0, remark=remark)
    chain = total(networks.normalised_chain())
    remark = "“more than 600 ms”"
    yield Figure("nncase 428", "3 layers, normalised, v5", "run", chain, 600.0, remark=remark)


def _lines(
    source: str,
    steps: Sequence[Step],
    version: Version,
    measured: Sequence[float],
    more: Amounts | None = None,
    remark: str = "",
    singly: bool = False,
) -> Iterator[Figure]:
    """Yield the lines of a log, one a step, depthwise layers as one figure at the end."""
    together: list[tuple[Amounts, float]] = []
    for place, (step, ms) in enumerate(zip(steps, measured, strict=True)):
        wanted = added([amounts(step, version), more or {}])
        if isinstance(step, KpuStep) and step.depthwise and not singly:
            together.append((wanted, ms))
        else:
            yield Figure(source, f"{place}: {_named(step)}", "layer", wanted, ms, remark=remark)
    if together:
        wanted, ms = added(one for one, _ in together), sum(ms for _, ms in together)
        label = f"{len(together)} depthwise layers together"
        yield Figure(source, label, "layer", wanted, ms, remark=remark)


def _named(step: Step) -> str:
    if isinstance(step, CpuStep):
        return f"{step.kind}, {step.elements} elements"
    (into, out), (width, height) = step.channels, step.size
    copied = ", result to main memory" if step.copied else ""
    return f"{into} → {out}, {step.kernel}x{step.kernel}, {width}x{height}{copied}"


def _woven(first: Sequence[float], second: Sequence[float]) -> tuple[float, ...]:
    return tuple(value for pair in zip(first, second, strict=True) for value in pair)


def _without_input(network: Network) -> Network:
    return Network(network.version, network.steps[1:], network.size)
