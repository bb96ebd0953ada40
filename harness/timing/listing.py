"""Networks as text, a line a step: how those that are known by their shapes only are kept.

`kpu 32>64 80x60 1x1 /2` is a layer of 32 to 64 channels whose pooling steps by 2; `3x3dw` is a
depthwise kernel, `w2` weights of 16 bits, `out=9000` a copy of that many bytes for main memory.
`dequantize 9000 macs=… width=…` is an operation on the CPU. The first line is `v4 320x240`: the
version of the kmodel and the size of its input.
"""

from __future__ import annotations

import re
from typing import cast

from harness.kmodel.program import Version
from harness.timing.steps import CpuStep, KpuStep, Network, Step

_KPU = re.compile(
    r"kpu (?:(?P<batches>\d+)\*)?(?P<into>\d+)>(?P<out>\d+) (?P<width>\d+)x(?P<height>\d+) "
    r"(?P<kernel>[13])x[13](?P<dw>dw)?(?: /(?P<stride>\d))?(?: w(?P<weight>\d))?"
    r"(?: out=(?P<copied>\d+))?"
)
_CPU = re.compile(r"(?P<kind>\w+) (?P<elements>\d+)(?: macs=(?P<macs>\d+))?(?: width=(?P<w>\d+))?")


def written(network: Network) -> str:
    """Return a network as text; names are left out."""
    width, height = network.size
    lines = [f"v{network.version} {width}x{height}", *map(_line, network.steps)]
    return "\n".join(lines) + "\n"


def read(text: str) -> Network:
    """Read a network that `written` wrote.

    Raises:
        ValueError: A line cannot be read.
    """
    head, *lines = text.splitlines()
    version, size = head.removeprefix("v").split(" ")
    width, height = map(int, size.split("x"))
    steps = tuple(_step(place, line) for place, line in enumerate(lines))
    return Network(cast("Version", int(version)), steps, (width, height))


def _line(step: Step) -> str:
    if isinstance(step, CpuStep):
        macs = f" macs={step.macs}" if step.macs else ""
        width = f" width={step.width}" if step.width else ""
        return f"{step.kind} {step.elements}{macs}{width}"
    (into, out), (width_, height) = step.channels, step.size
    batches = f"{step.batches}*" if step.batches > 1 else ""
    kernel = f"{step.kernel}x{step.kernel}{'dw' if step.depthwise else ''}"
    stride = f" /{step.stride}" if step.stride > 1 else ""
    weight = f" w{step.weight_bytes}" if step.weight_bytes > 1 else ""
    copied = f" out={step.copied}" if step.copied else ""
    return f"kpu {batches}{into}>{out} {width_}x{height} {kernel}{stride}{weight}{copied}"


def _step(place: int, line: str) -> Step:
    if found := _KPU.fullmatch(line):
        return KpuStep(
            f"{place:02d}_kpu_conv2d",
            int(found["batches"] or 1),
            (int(found["into"]), int(found["out"])),
            (int(found["width"]), int(found["height"])),
            int(found["kernel"]),
            bool(found["dw"]),
            int(found["stride"] or 1),
            int(found["weight"] or 1),
            int(found["copied"] or 0),
        )
    if found := _CPU.fullmatch(line):
        name = f"{place:02d}_{found['kind']}"
        numbers = (int(found[key] or 0) for key in ("elements", "macs", "w"))
        return CpuStep(name, found["kind"], *numbers)
    raise ValueError(f"{line!r} is no step")
