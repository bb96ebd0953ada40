"""Whether a model fits: the KPU's memory, and what each firmware loads and leaves free."""

from __future__ import annotations

from typing import Literal

import onnx

from harness.compiler.onnx_graph import static_shapes
from harness.convert import convert
from harness.errors import ConversionError
from harness.kmodel import Program
from harness.kmodel.firmware import FIRMWARES, Firmware
from harness.kmodel.layout import kpu_bytes
from harness.kmodel.memory import KPU_BYTES
from harness.pipeline.check.result import Fit


def fits_of(program: Program, firmware: Firmware | None) -> tuple[Fit, ...]:
    """Return whether a firmware, or each of all, can run a program."""
    chosen = (firmware,) if firmware else tuple(FIRMWARES.values())
    return tuple(_fit(program, one, one.versions[-1]) for one in chosen)


def _fit(program: Program, firmware: Firmware, version: Literal[3, 4]) -> Fit:
    try:
        budget = convert(program, version).budget
    except ConversionError as error:
        return Fit(firmware, version, None, str(error))
    try:
        budget.check(firmware)
    except ConversionError as error:
        return Fit(firmware, version, budget, str(error))
    return Fit(firmware, version, budget, "")


def too_large(model: bytes) -> tuple[str, ...]:
    """Return the convolutions whose input and output do not fit the KPU together.

    Args:
        model: ONNX with inferred shapes, legalised.
    """
    graph = onnx.load_model_from_string(model).graph
    shapes = static_shapes(graph)
    found = []
    for node in graph.node:
        maps = [shapes.get(name, ()) for name in (node.input[0], node.output[0])]
        if node.op_type != "Conv" or any(len(shape) != 4 for shape in maps):
            continue
        need = sum(kpu_bytes(width, height, channels) for _, channels, height, width in maps)
        if need > KPU_BYTES:
            sizes = " → ".join("x".join(map(str, shape[1:])) for shape in maps)
            found.append(f"{node.name}: {sizes} needs {need / 1024:.0f} of {KPU_BYTES // 1024} KiB")
    return tuple(found)
