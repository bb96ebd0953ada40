"""v4 nodes of the target `k210`. Source: nncase v0.2.0-beta4 `k210_ops_body.h`."""

from __future__ import annotations

from harness.kmodel.kpu_layer import TablePlaces, out_shape, weights_shape
from harness.kmodel.operations import KpuUpload, Operation
from harness.kmodel.reader import Reader
from harness.kmodel.registers import REGISTERS, LayerRegisters
from harness.kmodel.tables import ACTIVATION_BYTES
from harness.kmodel.v4.body import Body


def upload(body: Body) -> Operation:
    """Read an upload."""
    source, out = body.range(), body.range()
    shape = body.shape()
    return KpuUpload(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, shape),),
        outputs=(body.tensor(out, shape),),
    )


def conv2d(body: Body) -> Operation:
    """Read a convolution; its tables stand in the body, each behind some padding."""
    reader = body.reader
    main = body.range()
    batches = reader.u32("batches")
    reader.u32("reserved")
    words = reader.array("<u8", REGISTERS, "KPU registers")
    registers = LayerRegisters.decode([int(word) for word in words])
    places = _tables(reader, registers)
    copies = [body.tensor(main, out_shape(registers, batches))] if main.size else []
    return body.file.reader.layer(registers, batches, places, body.at, copies)


def _tables(reader: Reader, registers: LayerRegisters) -> TablePlaces:
    """Find the tables: each address register holds the bytes of padding before its table."""
    reader.skip(registers.batch_norm_address, "padding before the batch norm table")
    batch_norm = reader.take(8 * registers.out_channels, "batch norm table")
    reader.skip(registers.activation_address, "padding before the activation table")
    activation = reader.take(ACTIVATION_BYTES, "activation table")
    reader.skip(registers.weights_address, "padding before the weights")
    out, into, height, width = weights_shape(registers)
    weights = reader.take(out * into * height * width, "weights")
    return TablePlaces(weights, batch_norm, activation)
