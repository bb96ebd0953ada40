"""A KPU layer in Python integers, pixel by pixel: slow, and as plain as the facts it is made of."""

from __future__ import annotations

import dataclasses

import numpy as np

from harness.kmodel.memory import Memory, Pool, feature_map
from harness.kmodel.operations import KpuConv2d, Pooling
from harness.kmodel.registers import LayerRegisters
from harness.kmodel.tables import ActivationTable, BatchNorm

LOWEST = -(1 << 35)
KPU = Pool("kpu", Memory.KPU, 1 << 21)


def layer(weights, table, norm, shape, **registers):
    """Return a layer; `table` and `norm` are tuples of columns, `shape` is [N, C, H, W]."""
    batches, channels, height, width = shape
    pooling = Pooling(registers.get("pool_type", 0))
    out = len(weights), height // pooling.stride, width // pooling.stride
    fields = {
        "in_channels": channels,
        "out_channels": out[0],
        "in_height": height,
        "in_width": width,
        "out_height": out[1],
        "out_width": out[2],
        "kernel_type": int(weights.shape[-1] == 3),
        **registers,
    }
    return KpuConv2d(
        name="00_kpu_conv2d",
        offset=0,
        inputs=(feature_map(KPU, 0, shape),),
        outputs=(feature_map(KPU, 0, (batches, *out)),),
        registers=dataclasses.replace(LayerRegisters.decode([0] * 12), **fields),
        weights=weights,
        batch_norm=BatchNorm.encode(*norm),
        activation=ActivationTable.encode(*table),
        weights_offset=0,
    )


def rounded(value, shift, rules):
    """Return value / 2**shift with the vendor's rounding."""
    if shift == 0:
        return value
    floor, rest, half = value >> shift, value & ((1 << shift) - 1), 1 << (shift - 1)
    up = rest >= half if rules == "nncase-0.1" else rest > half or (rest == half and floor % 2)
    return floor + (-1 if value < 0 else 1) * bool(up)


def activated(layer, channel, total, rules):
    """Return the byte of one sum."""
    norm, table = layer.batch_norm, layer.activation
    scaled = total * int(norm.multiplier[channel]) >> int(norm.shift[channel])
    value = scaled + int(norm.addend[channel])
    reached = [
        index
        for index, start in enumerate(table.start)
        if (value >= start if rules == "nncase-0.1" else value > start)
    ]
    segment = max(reached, default=0)
    product = (value - int(table.start[segment])) * int(table.multiplier[segment])
    result = rounded(product, int(table.shift[segment]), rules) + int(table.bias[segment])
    return min(max(result, 0), 255)


def convolved(layer, x, rules):
    """Return bytes [N, C, H, W] at full resolution."""
    registers, pad = layer.registers, layer.kernel // 2
    padded = np.pad(
        x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=registers.pad_value
    )
    out = np.zeros((len(x), len(layer.weights), *x.shape[2:]), np.uint8)
    for image, channel, line, column in np.ndindex(out.shape):
        source = slice(channel, channel + 1) if layer.depthwise else slice(None)
        window = padded[image, source, line : line + 2 * pad + 1, column : column + 2 * pad + 1]
        window, kernel = window.astype(object), layer.weights[channel].astype(object)
        total = (window * kernel).sum()
        total += registers.arg_x * window.sum() >> registers.shift_x
        total += registers.arg_w * kernel.sum() >> registers.shift_w
        total += registers.arg_add * len(window)
        out[image, channel, line, column] = activated(layer, channel, int(total), rules)
    return out


def pooled(x, kind):
    """Return bytes behind the pooling."""
    height, width = x.shape[2] // kind.stride, x.shape[3] // kind.stride
    out = np.zeros((*x.shape[:2], height, width), np.uint8)
    for index in np.ndindex(out.shape):
        image, channel, line, column = index
        rows = [line * kind.stride + n for n in range(kind.size)]
        columns = [column * kind.stride + n for n in range(kind.size)]
        out[index] = _pooled(x[image, channel], rows, columns, kind)
    return out


def _pooled(x, rows, columns, kind):
    if kind is Pooling.RIGHT_TOP_2_STRIDE_2:
        return x[rows[0], columns[1]]
    if kind is Pooling.MAX_2_STRIDE_1:
        return max(
            x[row, column] if row < x.shape[0] and column < x.shape[1] else 0
            for row in rows
            for column in columns
        )
    values = [
        int(x[min(row, x.shape[0] - 1), min(column, x.shape[1] - 1)])
        for row in rows
        for column in columns
    ]
    if "MAX" in kind.name:
        return max(values)
    return sum(values) // len(values) if "MEAN" in kind.name else values[0]
