"""Writes kmodels of version 3: none of those that exist is ours to ship."""

import struct

import numpy as np

from harness.kmodel.registers import FIELDS, LayerRegisters
from harness.kmodel.tables import ActivationTable, BatchNorm

rng = np.random.default_rng(3)


def registers(**values):
    """Return a layer's registers: a 1x1 layer of 4x8x8 unless told otherwise."""
    plain = dict.fromkeys((field.name for field in FIELDS), 0)
    plain |= {field.name: field.plus for field in FIELDS if field.plus}
    plain |= {"in_channels": 4, "out_channels": 4, "destination_row": 64}
    plain |= {"in_width": 8, "in_height": 8, "out_width": 8, "out_height": 8}
    return LayerRegisters(**(plain | values))


def tables(channels):
    """Return batch norm and activation table of a layer."""
    norm = BatchNorm.encode(
        rng.integers(-100, 100, channels), rng.integers(-1000, 1000, channels), [3] * channels
    )
    act = ActivationTable.encode(
        [-(2**35), *range(15)], [64] * 16, [7] * 16, rng.integers(0, 256, 16)
    )
    return norm, act


class V3File:
    """A file under construction; bodies are appended, tables stand behind them."""

    def __init__(self, main=1 << 16, outputs=((0, 16),), flags=1):
        self.main, self.outputs, self.flags = main, outputs, flags
        self.layers, self.blobs = [], []

    def layer(self, kind, *words, tail=b""):
        body = b"".join(
            struct.pack("<f", word) if isinstance(word, float) else struct.pack("<I", word)
            for word in (0, *words)
        )
        self.layers.append((kind, body + tail))
        return self

    def conv(self, layer, main=None):
        out, into = layer.out_channels, 1 if layer.depthwise else layer.in_channels
        size = out * into * (9 if layer.kernel_type else 1)
        norm, act = tables(out)
        weights = rng.integers(0, 256, size * (1 if self.flags & 1 else 2), np.uint8)
        words = struct.pack("<12Q", *layer.encode())
        blobs = (words, weights.tobytes(), norm.words.tobytes(), act.tobytes())
        self.layers.append((10240, (main, blobs)))
        return self

    def build(self):
        head = 28 + 8 * len(self.outputs) + 8 * len(self.layers)
        sizes = [24 if kind == 10240 else len(body) for kind, body in self.layers]
        place, bodies, tail = head + sum(sizes), [], []
        for kind, body in self.layers:
            if kind == 10240:
                main, blobs = body
                offsets = []
                for blob in blobs:
                    offsets.append(place)
                    place += len(blob)
                    tail.append(blob)
                flags = 0 if main is None else 1
                body = struct.pack("<6I", flags, main or 0, *offsets)
            bodies.append(body)
        parts = [
            struct.pack("<7I", 3, self.flags, 0, len(self.layers), 0, self.main, len(self.outputs)),
            *(struct.pack("<2I", *output) for output in self.outputs),
            *(
                struct.pack("<2I", kind, size)
                for (kind, _), size in zip(self.layers, sizes, strict=True)
            ),
            *bodies,
            *tail,
        ]
        return b"".join(parts)


def every_layer():
    """Return a file with each layer type that the runtime runs."""
    image = (4, 4, 8)  # width, height, channels: 128 elements
    file = V3File(outputs=((0, 12),)).conv(registers(), main=256)
    file.layer(12, 256, 1024, 256, 0.5, 1.0)  # dequantize
    file.layer(1, 1024, 1024, 2048, 256)  # add
    file.layer(2, 256, 256, 512, 256, *range(9))  # quantized add
    file.layer(5, 2048, 4096, 64, 4)  # global average pool
    file.layer(8, 256, 600, 8, 8, 4, 4, 4, 4, 2, 2, 2, 2, 0, 0)  # max pool
    file.layer(9, 1024, 5000, 8, 8, 4, 4, 4, 4, 2, 2, 2, 2, 0, 0, 1)  # average pool
    file.layer(11, 1024, 8000, 256, 0.5, 1.0)  # quantize
    file.layer(13, 8000, 8256, 256, tail=bytes(range(256)))  # requantize
    file.layer(14, 4096, 4112, 4)  # l2 normalization
    file.layer(15, 4112, 4128, 4)  # softmax
    file.layer(16, 9000, 2, 4096, 16, 4112, 16)  # concat
    file.layer(17, 9100, 2, 8000, 8, 8256, 8)  # quantized concat
    file.layer(20, 1024, 12000, *image)  # flatten
    file.layer(22, 1024, 16000, *image, 8, 8, 0)  # resize
    file.layer(23, 256, 20000, *image, 8, 8, 0)  # quantized resize
    file.layer(24, 256, 24000, 4, 64, tail=struct.pack("<8f", *range(8)))  # channelwise
    file.layer(25, 4128, 4144, 4)  # logistic
    file.layer(10243, 256, 128, *image)  # upload
    file.layer(10241, 8000, 256, 4)  # add padding
    file.conv(registers(in_width=4, in_height=4, out_width=4, out_height=4, source_row=256), 28000)
    file.layer(10242, 28000, 28500, 4)  # remove padding
    file.layer(18, 4144, 0, 4, 3, 1, tail=struct.pack("<15f", *range(15)))  # fully connected
    return file.build()
