"""The KPU's layers, and the ways into and out of its memory."""

from __future__ import annotations

from dataclasses import replace

from harness.convert.draft import Draft, refuse
from harness.convert.moves import cropped, padded
from harness.convert.rules import Written
from harness.convert.v4.registry import rule
from harness.kmodel.memory import Buffer, Memory
from harness.kmodel.operations import (
    NO_PADDING,
    KpuAddPadding,
    KpuConv2d,
    KpuDownload,
    KpuRemovePadding,
    KpuUpload,
    Padding,
)


@rule(KpuUpload)
def upload(draft: Draft, operation: KpuUpload, x: Buffer) -> Written:
    """Copy into the same rows; leave it out where the firmware puts the input there itself."""
    if operation.output.memory is not Memory.KPU:
        refuse("it does not upload to KPU memory")
    if draft.puts(operation, x):
        return Written((x,), "the firmware puts the picture into KPU memory itself")
    draft.append(KpuUpload, (x,), operation.outputs)
    return Written((x,))


@rule(KpuDownload)
def download(_draft: Draft, _operation: KpuDownload, x: Buffer) -> Written:
    """Let the layer that made the feature map write it to main memory as well."""
    return Written((x,), "the layer itself copies its result to main memory, byte by byte")


@rule(KpuConv2d)
def conv2d(draft: Draft, operation: KpuConv2d, x: Buffer) -> Written:
    """Keep registers, tables and rows."""
    main = [draft.tensor(b.dtype, b.shape) for b in operation.outputs[1:]]
    wanted = operation.name in draft.downloads
    if wanted and not main:
        main = [draft.tensor(operation.output.dtype, operation.output.shape)]
    outputs = operation.output, *main
    draft.operations.append(replace(operation, inputs=(x,), outputs=outputs))
    kept = len(outputs) == len(operation.outputs)
    why = "" if kept else "the same layer; its result is also copied to main memory"
    return Written(outputs, why)


@rule(KpuAddPadding)
def add_padding(draft: Draft, operation: KpuAddPadding, x: Buffer) -> Written:
    """Pad in main memory, then upload."""
    corner = Padding(0, 3)
    wide = padded(draft, x, (NO_PADDING, NO_PADDING, corner, corner), 0)
    draft.append(KpuUpload, (wide,), operation.outputs)
    return Written((wide,), "only the corners of the maps are ever looked at, and they are kept")


@rule(KpuRemovePadding)
def remove_padding(draft: Draft, operation: KpuRemovePadding, x: Buffer) -> Written:
    """Slice the corners off."""
    shape = operation.output.shape
    return Written((cropped(draft, x, (0,) * 4, shape, (1,) * 4),), "the same bytes are picked")
