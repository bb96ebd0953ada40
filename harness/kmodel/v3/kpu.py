"""v3 layers on the KPU, and those that move values into and out of its memory."""

from __future__ import annotations

from harness.kmodel.build import inside
from harness.kmodel.kpu_layer import TablePlaces, out_shape
from harness.kmodel.memory import DType, feature_map
from harness.kmodel.operations import KpuAddPadding, KpuRemovePadding, KpuUpload, Operation
from harness.kmodel.reader import Reader
from harness.kmodel.registers import REGISTERS, LayerRegisters
from harness.kmodel.v3.body import Body

ALSO_TO_MAIN = 1


def conv(body: Body) -> Operation:
    """Read a convolution; its tables stand at offsets from the start of the file."""
    reader = body.reader
    flags, main = reader.u32("flags"), reader.u32("address in main memory")
    at, place = reader.position, reader.u32("offset of the registers")
    if place > len(reader.data):
        reader.fail("offset of the registers", place, f"below {len(reader.data)}", at)
    words = Reader(reader.data, place).array("<u8", REGISTERS, "KPU registers")
    registers = LayerRegisters.decode([int(word) for word in words])
    places = TablePlaces(
        weights=reader.u32("offset of the weights"),
        batch_norm=reader.u32("offset of the batch norm table"),
        activation=reader.u32("offset of the activation table"),
    )
    wanted = flags & ALSO_TO_MAIN
    copies = [body.tensor(main, DType.U8, out_shape(registers, 1))] if wanted else []
    return body.file.reader.layer(registers, 1, places, body.at, copies)


def upload(body: Body) -> Operation:
    """Read an upload."""
    source, row = body.ends()
    shape = body.image("shape")
    return KpuUpload(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, DType.U8, shape),),
        outputs=(inside(feature_map(body.file.kpu, row, shape), "the upload", body.at),),
    )


def add_padding(body: Body) -> Operation:
    """Read the widening of single values to 4x4 maps."""
    source, row = body.ends()
    channels = body.size("channels")
    maps = feature_map(body.file.kpu, row, (1, channels, 4, 4))
    return KpuAddPadding(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, DType.U8, (1, channels, 1, 1)),),
        outputs=(inside(maps, "the padded maps", body.at),),
    )


def remove_padding(body: Body) -> Operation:
    """Read the narrowing of 4x4 maps to single values."""
    source, out = body.ends()
    channels = body.size("channels")
    return KpuRemovePadding(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, DType.U8, (1, channels, 4, 4)),),
        outputs=(body.tensor(out, DType.U8, (1, channels, 1, 1)),),
    )
