"""Writes kmodels of version 5 with straight code, as any nncase release would."""

import struct
from math import prod

from harness.kmodel.v5.releases import RELEASES

F32 = 9


class Code:
    """Byte code of a release."""

    def __init__(self, release):
        self.release, self.bytes = release, b""

    def raw(self, *values):
        self.bytes += bytes(values)
        return self

    def _int(self, value):
        return struct.pack("<Bi", 0x02, value)

    def shape(self, register, *sizes):
        self.bytes += b"".join(map(self._int, sizes))
        return self.raw(0x31, register, len(sizes))

    def paddings(self, register, rank):
        """Pad the last of `rank` axes by 1 on both sides."""
        words = self.release.padding_words
        for axis in range(rank):
            ends = (1, 1, 0) if axis == rank - 1 else (0, 0, 0)
            self.bytes += b"".join(map(self._int, ends[:words]))
        return self.raw(0x32, register, rank)

    def input(self, offset):
        return struct.pack("<BBBI", 0x17, 0, 0, offset)

    def output(self, offset):
        return struct.pack("<BBBI", 0x17, 1, 0, offset)

    def data(self, offset):
        return struct.pack("<BBBI", 0x17, 3, 0, offset)

    def push(self, *values):
        for value in values:
            if isinstance(value, float):
                value = struct.pack("<Bf", 0x05, value)
            self.bytes += value
        return self

    def tensor(self, name, *operands, **more):
        number = self.release.functions.index(name)
        layout = self.release.layout(name)
        values = layout.packed.pack(*operands, *more.values())
        self.bytes += struct.pack("<BH", 0x5E, number) + values
        return self


def _parameter(location, shape):
    size = 4 * prod(shape)
    return (
        struct.pack("<BBHII", location, F32, 0, 0, size),
        struct.pack(f"<I{len(shape)}I", len(shape), *shape),
    )


def _section(name, body):
    return struct.pack("<16s4I", name, 0, 0, len(body), 0) + body


def _module(kind, pools, functions, text):
    body = pools + functions + _section(b".text", text)
    head = struct.pack("<16s8I", kind, 1, 48, 48 + len(body), len(pools) // 8, 0, 1, 1, 0)
    return head + body


def _function(parameters, size):
    head = struct.pack("<8I", 32, 32 + len(parameters), 0, 0, 1, 1, 0, size)
    return head + parameters


def _file(*modules):
    return struct.pack("<8I", 0x4B4D444C, 5, 32, 0, 8, len(modules), 0, 0) + b"".join(modules)


def _ends(source, result):
    (into, into_shape), (out, out_shape) = _parameter(0, source), _parameter(1, result)
    return into + into_shape + out + out_shape


def stackvm_file(code, source, result, data):
    """Return a file with one float32 input and output and `data` bytes of working memory."""
    parameters = _ends(source, result)
    pools = struct.pack("<BxxxI", 3, data)
    if code.release.before_functions:
        body = pools + parameters + _section(b".text", code.bytes)
        module = struct.pack("<16s6I", b"stackvm", len(body), 1, 1, 1, 1, 0) + body
        return struct.pack("<6I", 0x4B4D444C, 5, 0, 8, 1, 0) + module
    function = _function(parameters, len(code.bytes))
    return _file(_module(b"stackvm", pools, function, code.bytes))


def calling_file(calls, uploads):
    """Return a file that calls a KPU function with a number of uploads, and then copies."""
    shape, u8 = (1, 4, 4, 4), 4
    code = Code(RELEASES[0])
    code.shape(0, *shape).shape(1, 64, 16, 4, 1)
    for _ in range(calls):
        for address in (code.input(0), code.output(0)):
            code.push(address, *(struct.pack("<Bi", 2, value) for value in (F32, 0, 1)))
        code.tensor("call", 0, 1, 1, 1)
    code.push(code.input(0), code.output(0)).tensor("copy", F32, 0, 1, 1)
    source = struct.pack("<BBHII", 0, u8, 0, 0, 64)
    upload = (
        bytes(4) + source + struct.pack("<BBHII", 64, u8, 0, 0, 64) + struct.pack("<4I", *shape)
    )
    text = upload * uploads
    parameters = _ends(shape, shape)
    main = _module(b"stackvm", b"", _function(parameters, len(code.bytes)), code.bytes)
    pools = struct.pack("<BxxxI", 64, 2 << 20)
    return _file(main, _module(b"k210", pools, _function(parameters, len(text)), text))
