"""Strategies of what runs on the KPU."""

import numpy as np
from hypothesis import strategies as st

from harness.kmodel import DType
from harness.kmodel import operations as ops
from harness.kmodel.tables import ActivationTable, BatchNorm
from tests.kmodel.v3_files import registers
from tests.kmodel.v4_programs.builder import SHAPES, SIZES


def kpu_upload(builder):
    shape = builder.draw(SHAPES)
    builder.add(ops.KpuUpload, (builder.input(shape, DType.U8),), (builder.map(shape),))
    return builder.done[-1].output


def kpu_conv2d(builder):
    """Upload a map, run a layer on it and, so that there is an output, send it to main memory."""
    draw, source = builder.draw, kpu_upload(builder)
    batches, channels, height, width = source.shape
    depthwise, three = draw(st.booleans()), draw(st.booleans())
    out = channels if depthwise else draw(SIZES)
    target = builder.map((batches, out, height, width))
    count = lambda *shape: np.frombuffer(  # noqa: E731
        draw(st.binary(min_size=(n := int(np.prod(shape))), max_size=n)), np.uint8
    ).reshape(shape)
    kernel = 3 if three else 1
    builder.add(
        ops.KpuConv2d,
        (source,),
        (target, builder.tensor(target.shape, DType.U8)),
        registers=registers(
            in_channels=channels,
            out_channels=out,
            in_width=width,
            in_height=height,
            out_width=width,
            out_height=height,
            depthwise=int(depthwise),
            kernel_type=int(three),
            arg_x=draw(st.integers(-(1 << 23), (1 << 23) - 1)),
            pad_value=draw(st.integers(0, 255)),
            source_row=source.offset // 64,
            destination_row=target.offset // 64,
        ),
        weights=count(out, 1 if depthwise else channels, kernel, kernel),
        batch_norm=BatchNorm(count(8 * out).view("<u8")),
        activation=ActivationTable.decode(count(144)),
        weights_offset=0,
    )
