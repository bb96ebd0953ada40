"""v3 layers on the KPU, and those that move values into and out of its memory, as bytes."""

from __future__ import annotations

from harness.kmodel.kpu_layer import encode_registers
from harness.kmodel.memory import DType
from harness.kmodel.operations import KpuAddPadding, KpuConv2d, KpuRemovePadding, KpuUpload
from harness.kmodel.v3.writer.body import Body
from harness.kmodel.writer import check_all

# How nncase 0.1 aligns registers, weights and batch norm, and activation tables in the file.
REGISTERS, TABLES, ACTIVATION = 8, 128, 256


def conv(body: Body, operation: KpuConv2d) -> None:
    """Write a convolution; registers and tables follow, at offsets from the start of the file."""
    main = operation.outputs[1:]
    check_all(
        [
            (operation.batches == 1, f"a layer of {operation.batches} images"),
            # The runtime starts the DMA that takes the data only with a copy in main memory.
            (bool(main) or not operation.registers.send_data_out, "data sent to nobody"),
        ]
    )
    out = body.out
    if main:
        body.address(main[0], DType.U8)
    else:
        out.words(0)
    at = out.position
    out.raw(bytes(16))
    offsets = []
    for alignment, data in (
        (REGISTERS, encode_registers(operation)),
        (TABLES, operation.weights.astype(operation.weights.dtype.newbyteorder("<")).tobytes()),
        (TABLES, operation.batch_norm.words.astype("<u8").tobytes()),
        (ACTIVATION, operation.activation.tobytes()),
    ):
        out.align(alignment)
        offsets.append(out.position)
        out.raw(data)
    out.replace(at, b"".join(offset.to_bytes(4, "little") for offset in offsets))


def upload(body: Body, operation: KpuUpload) -> None:
    """Write an upload."""
    body.address(operation.input, DType.U8)
    body.row(operation.output)
    body.image(operation.input.shape)


def add_padding(body: Body, operation: KpuAddPadding) -> None:
    """Write the widening of single values to 4x4 maps."""
    body.address(operation.input, DType.U8)
    body.row(operation.output)
    body.out.words(operation.input.elements)


def remove_padding(body: Body, operation: KpuRemovePadding) -> None:
    """Write the narrowing of 4x4 maps to single values."""
    body.ends(operation, DType.U8, DType.U8)
    body.out.words(operation.output.elements)
