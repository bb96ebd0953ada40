"""The KPU's layers, and the ways into and out of its memory."""

from __future__ import annotations

from dataclasses import replace

from harness.convert.draft import Draft, refuse
from harness.convert.rules import Written
from harness.convert.v3.registry import rule
from harness.kmodel.memory import Buffer, Memory
from harness.kmodel.operations import (
    KpuAddPadding,
    KpuConv2d,
    KpuDownload,
    KpuRemovePadding,
    KpuUpload,
    Pooling,
)

_CORNER = "of the 4x4 map only the corner is looked at, and the firmware keeps that"


@rule(KpuUpload)
def upload(draft: Draft, operation: KpuUpload, x: Buffer) -> Written:
    """Copy into the same rows; leave it out where the firmware puts the input itself."""
    if operation.output.memory is not Memory.KPU:
        refuse("it does not upload to KPU memory")
    name = x.pool.name
    if name in draft.corners:
        draft.append(KpuAddPadding, (x,), operation.outputs)
        draft.corners.add(operation.name)
        return Written((x,), _CORNER)
    if draft.puts(operation, x):
        return Written((x,), "the firmware puts the picture into KPU memory itself")
    if operation.output.shape[0] > 1:
        refuse("v3 has one picture at a time")
    draft.append(KpuUpload, (x,), operation.outputs)
    return Written((x,))


@rule(KpuDownload)
def download(_draft: Draft, _operation: KpuDownload, x: Buffer) -> Written:
    """Let the layer that made the feature map write it to main memory as well."""
    return Written((x,), "the layer itself sends its result to main memory, byte by byte")


@rule(KpuConv2d)
def conv2d(draft: Draft, operation: KpuConv2d, x: Buffer) -> Written:
    """Keep registers, tables and rows.

    Whether a layer that sends its result to main memory also leaves it in KPU memory is not
    known, as no file of nncase 0.1 reads it there: it is uploaded again if somebody does.
    """
    if operation.batches > 1:
        refuse(f"it runs on {operation.batches} pictures, and v3 on one at a time")
    corner = any(name in draft.corners for name in draft.feeding)
    if corner and (operation.kernel > 1 or operation.pooling is not Pooling.NONE):
        refuse("it looks beside the corner of a map of which v3 fills only the corner")
    if operation.name not in draft.downloads and len(operation.outputs) == 1:
        draft.operations.append(replace(operation, inputs=(x,)))
        if corner:
            draft.corners.add(operation.name)
        return Written(operation.outputs)
    main = draft.tensor(operation.output.dtype, operation.output.shape)
    draft.operations.append(replace(operation, inputs=(x,), outputs=(operation.output, main)))
    if operation.name in draft.read_in_kpu and not corner:
        draft.append(KpuUpload, (main,), (operation.output,))
    if not corner:
        return Written((operation.output, main), "its result is also sent to main memory")
    if operation.name in draft.read_in_kpu:
        refuse("the corner of its maps is wanted in main memory and in KPU memory")
    batches, channels, *_ = operation.output.shape
    result = draft.emit(KpuRemovePadding, (main,), main.dtype, (batches, channels, 1, 1))
    draft.corners |= {operation.name, result.pool.name}
    return Written((operation.output, result), _CORNER)


@rule(KpuAddPadding)
def add_padding(draft: Draft, operation: KpuAddPadding, x: Buffer) -> Written:
    """Keep it."""
    draft.append(KpuAddPadding, (x,), operation.outputs)
    draft.corners.add(operation.name)
    return Written((x,))
