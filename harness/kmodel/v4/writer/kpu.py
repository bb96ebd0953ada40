"""v4 nodes of the target `k210` as bytes."""

from __future__ import annotations

from harness.kmodel.kpu_layer import encode_registers
from harness.kmodel.memory import DType
from harness.kmodel.operations import KpuConv2d, KpuUpload
from harness.kmodel.registers import REGISTERS
from harness.kmodel.v4.writer.body import NO_RANGE, Body
from harness.kmodel.writer import check_all

# The KPU's DMA reads tables from such addresses; the file is loaded at one.
TABLES = 256


def upload(body: Body, operation: KpuUpload) -> None:
    """Write an upload."""
    body.ends(operation)
    body.shape(operation.input.shape)


def conv2d(body: Body, operation: KpuConv2d) -> None:
    """Write a convolution; its tables follow, each behind padding that its register counts."""
    check_all([(operation.weights.itemsize == DType.U8.itemsize, "16-bit weights")])
    out = body.out
    if len(operation.outputs) > 1:
        body.range(operation.outputs[1])
    else:
        out.raw(NO_RANGE)
    out.words(operation.batches, 0)
    at = out.position
    out.raw(bytes(8 * REGISTERS))
    batch_norm = out.align(TABLES)
    out.array(operation.batch_norm.words)
    activation = out.align(TABLES)
    out.raw(operation.activation.tobytes())
    weights = out.align(TABLES)
    out.array(operation.weights)
    out.replace(at, encode_registers(operation, batch_norm, activation, weights))
